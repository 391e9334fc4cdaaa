"""Table 1: the dictionary between thermodynamics and machine learning."""

from __future__ import annotations

from pyrometer.results import Table

__all__ = ["terminology"]

# topic, thermodynamics, machine learning, symbol or formula, equations
_ENTRIES = (
    ("general", "system", "model, data and energy together", "ŷ = f(x; θ), θ ∈ Θ", "2.1"),
    ("general", "particle", "data point z = (x, y) and its prediction ẑ = (x, f(x))", "z_i, ẑ_i; m of them", "2.14"),
    (
        "general",
        "number of copies",
        "copies of the system, identical and independent; their number cancels in T",
        "N",
        "2.26, 2.27, 2.28",
    ),
    ("general", "microstate", "one value of the parameters", "θ, of n parameters", "2.1"),
    ("general", "state, type I", "law of the random parameters; the data are fixed", "p(θ)", "2.2, 2.5"),
    (
        "general",
        "state, type II",
        "law of the data; the parameters are fixed",
        "p(x, y) = p(y|x) p(x)",
        "2.8, 2.10, 2.12",
    ),
    (
        "general",
        "pair potential",
        "loss of one data point: distance of prediction and truth",
        "V(ŷ_i, y_i)",
        "2.13, 2.14",
    ),
    (
        "general",
        "energy of a microstate",
        "loss: the mean of V over the data, plus a penalty",
        "E(θ)",
        "2.15, 2.20, 2.21",
    ),
    (
        "general",
        "potentials in use",
        "squared error; absolute error; cross-entropy (the mean bias error has no minimum, hence no T)",
        "MSE; MAE; CE (MBE)",
        "2.16, 2.17, 2.19 (2.18)",
    ),
    ("general", "internal energy", "mean loss of a state", "⟨E⟩ = ∫ p(θ) E(θ) dθ", "2.2, 2.5"),
    ("general", "entropy", "differential entropy of the law of the parameters", "S = -∫ p(θ) ln p(θ) dθ", "2.3, 2.6"),
    (
        "general",
        "entropy at a resolution",
        "entropy of parameters counted in cells of size Δ",
        "H → S - ln Δ",
        "2.23, 2.24, 2.25",
    ),
    (
        "general",
        "entropy of the data",
        "entropy of the law of the data",
        "S_D = -Σ p(x_i, y_i) ln p(x_i, y_i)",
        "2.8, 2.10",
    ),
    ("general", "total entropy", "of the parameters and of the data", "S_θ + S_D", "2.30"),
    (
        "general",
        "ground state",
        "trained state: parameters of least loss, of entropy 0",
        "θ* = argmin E(θ), E*",
        "2.22",
    ),
    ("general", "transition to the ground state", "training", "ΔE = ⟨E⟩ - E*, ΔS = S", "2.4, 2.7"),
    ("general", "temperature", "loss per nat", "T = (∂U/∂S)_V = ΔE/ΔS", "1.5"),
    (
        "general",
        "temperature, type I",
        "of a random initial state that is trained",
        "T = (⟨E⟩ - E*)/S",
        "2.4, 2.7, 2.28, 2.29",
    ),
    (
        "general",
        "temperature, type II",
        "of data that change under a fixed model",
        "T = ΔE/ΔS, dE/dS",
        "2.9, 2.11, A.1, A.2",
    ),
    (
        "general",
        "first law; free energy, enthalpy",
        "only dU = T dS at fixed volume has a counterpart",
        "dU = T dS - P dV; F, H, G",
        "1.1-1.4",
    ),
    ("general", "volume, pressure", "no counterpart: held fixed", "V, P", "1.1-1.5"),
    ("general", "Boltzmann law", "energy-based model: weights by energy", "p(θ) = e^(-βE)/Z; p(y|x)", "2.31, 2.32"),
    ("general", "degeneracy", "prior weight of a state", "p_i = g_i e^(-βE_i)/Σ_j g_j e^(-βE_j)", "2.33"),
    (
        "two systems",
        "thermal contact",
        "mixing two data sets and training on both",
        "T_C = (m_A T_A + m_B T_B)/(m_A + m_B)",
        "3.47-3.52",
    ),
    ("two systems", "heat", "change of a system's energy by mixing", "ΔE_A < 0 < ΔE_B for T_A > T_B", "3.53-3.56"),
    ("networks", "subsystem", "layer of a network", "z = W x (+ b), x = φ(z)", "5.1, 5.2"),
    ("networks", "local energy", "energy of a layer: mean squared norm of its pre-activations", "E_l", "5.12, 5.13"),
    ("networks", "local temperature", "temperature of a layer", "T_l = E_l/S_l", "5.15, 5.16, 5.19, 5.21"),
    ("networks", "heat engine", "network: a chain of layers", "T = η ΣT_l S_l/ΣS_l", "5.24, 5.25"),
    ("networks", "work", "energy of the output layer", "E_L", "5.3, 5.23"),
    ("networks", "work efficiency", "the output layer's share of the layers' energy", "η = E_L/Σ_l E_l", "5.23, 6.1"),
    (
        "networks",
        "engine of the first type",
        "layers of similar energies (tanh, sigmoid): η well below 1",
        "E_1 ~ ... ~ E_L, T ≈ η T_l",
        "5.17, 5.26-5.28",
    ),
    (
        "networks",
        "engine of the second type",
        "energies that grow from layer to layer (ReLU with wide laws): η near 1",
        "E_1 ≪ ... ≪ E_L, η → 1",
        "5.22, 5.29-5.31",
    ),
    (
        "appendices",
        "collapse",
        "parameters fixed to a cell of size ε: part I loses the resolution's entropy, part II the rest",
        "T_I → 0, T_II = T",
        "B.1-B.10",
    ),
    (
        "appendices",
        "ensemble",
        "most probable occupation of the energy levels",
        "W = N!/Π n_i!, p_i = e^(-βE_i)/Z",
        "C.1-C.7",
    ),
    (
        "appendices",
        "moving observer",
        "weights on states from a constraint on the mean velocity",
        "g_i = e^(-βm u·v'_i)",
        "C.8-C.14",
    ),
    (
        "appendices",
        "external energy",
        "weights on states from an energy that is not counted",
        "g_i = e^(βE_i^ext)",
        "C.15-C.20",
    ),
    (
        "appendices",
        "temperature in motion",
        "three conventions for a system seen at speed β",
        "T/γ, γT, T",
        "D.1, D.2",
    ),
)


def terminology() -> Table:
    """Return Table 1: thermodynamic notions and what they are in machine learning.

    Returns
    -------
    Table
        Text columns "topic", "thermodynamics", "machine learning", "symbol" and "equations" (the paper's numbers).

    Examples
    --------
    >>> import pyrometer as pm
    >>> dictionary = {row["thermodynamics"]: row for row in pm.tables.terminology()}
    >>> dictionary["ground state"]["machine learning"]
    'trained state: parameters of least loss, of entropy 0'
    >>> dictionary["work efficiency"]["symbol"], dictionary["work efficiency"]["equations"]
    ('η = E_L/Σ_l E_l', '5.23, 6.1')
    """
    names = ("topic", "thermodynamics", "machine learning", "symbol", "equations")
    columns = {name: list(column) for name, column in zip(names, zip(*_ENTRIES, strict=True), strict=True)}
    return Table("Table 1. Thermodynamics and machine learning", columns)
