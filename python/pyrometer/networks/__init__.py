"""Neural networks as heat engines (section 5)."""

from pyrometer._public import publish
from pyrometer.networks import _layer_energies as layer_energies
from pyrometer.networks._activations import ACTIVATIONS
from pyrometer.networks._heat_engine import heat_engine
from pyrometer.networks._initialisations import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    TorchLinear,
)
from pyrometer.networks._layer_spread import layers
from pyrometer.networks._layers import LayerLaw, Layers
from pyrometer.networks._losses import NETWORK_LOSSES
from pyrometer.networks._network import Network
from pyrometer.networks._orthogonal import ORTHOGONAL, Orthogonal
from pyrometer.networks._regime import efficiency, engine_type, regime
from pyrometer.networks._scales import balance

__all__ = [
    "ACTIVATIONS",
    "ORTHOGONAL",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LayerLaw",
    "Layers",
    "LecunNormal",
    "LecunUniform",
    "NETWORK_LOSSES",
    "Network",
    "Orthogonal",
    "TorchLinear",
    "balance",
    "efficiency",
    "engine_type",
    "heat_engine",
    "layer_energies",
    "layers",
    "regime",
]

publish(__name__)
