"""Losses: one record each, by the name that users give as `energy`."""

from pyrometer.losses._records import ABSOLUTE, LOGISTIC, LOSSES, SOFTMAX, SQUARED, Loss, loss_named

__all__ = ["ABSOLUTE", "LOGISTIC", "LOSSES", "SOFTMAX", "SQUARED", "Loss", "loss_named"]
