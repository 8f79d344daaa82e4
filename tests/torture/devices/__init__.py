"""Devices that come and go for days, in virtual time."""
