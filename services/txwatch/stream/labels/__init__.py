"""Fraud labels: each record of their topic once, in the warehouse; no part of scoring reads them."""
