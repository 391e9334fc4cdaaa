"""Linear models as estimators of scikit-learn, on the solvers of `minimum_energy`; not in the paper.

scikit-learn is imported when one of the classes is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrometer.estimators._base import SystemEstimator as SystemEstimator
    from pyrometer.estimators._classifiers import LogisticClassifier, SoftmaxClassifier
    from pyrometer.estimators._regressors import LADRegressor
    from pyrometer.estimators._squares import LassoRegressor, OLSRegressor

__all__ = ["LADRegressor", "LassoRegressor", "LogisticClassifier", "OLSRegressor", "SoftmaxClassifier"]

_HOMES = {
    "LADRegressor": "_regressors",
    **dict.fromkeys(("LassoRegressor", "OLSRegressor"), "_squares"),
    **dict.fromkeys(("LogisticClassifier", "SoftmaxClassifier"), "_classifiers"),
    "SystemEstimator": "_base",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(
            f"{__name__} needs scikit-learn: pip install 'pyrometer[sklearn]'.", name="sklearn"
        ) from error
    value.__module__ = __name__  # so that pickles do not depend on the module of the definition
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
