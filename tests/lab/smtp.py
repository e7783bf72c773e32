"""A mail program's end of SMTP: letters handed in to an MTA."""

import re
import smtplib


def hand_in(address: str, sender: str, letters: list, queue_id: bytes) -> list:
    """A message for each (recipient, text), in one session; returns their queue ids, which the group of the pattern
    `queue_id` takes from the MTA's answer."""
    ids = []
    with smtplib.SMTP(address, 25, local_hostname="client.test", timeout=30) as smtp:
        smtp.ehlo()
        for recipient, text in letters:
            smtp.mail(sender)
            smtp.rcpt(recipient)
            code, answer = smtp.data(f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: scene\r\n\r\n{text}\r\n")
            assert code == 250, answer
            ids.append(re.search(queue_id, answer).group(1).decode())
    return ids
