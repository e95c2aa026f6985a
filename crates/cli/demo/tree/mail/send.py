"""Sends order confirmations."""

import json
import urllib.request

URL = "https://api.sendgrid.com/v3/mail/send"
API_KEY = "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"


def send(order):
    body = json.dumps({"to": order.mail, "template": "confirmation"}).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(URL, body, headers))
