"""A certificate authority of the lab, and every kind of certificate that an MX or policy host may show."""

import datetime
import hashlib
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    chain: Path  # PEM, leaf first
    key: Path    # PEM

    def tlsa(self) -> str:
        """RFC 7672's recommended TLSA record for it: DANE-EE, public key, SHA-256."""
        public = x509.load_pem_x509_certificate(self.chain.read_bytes()).public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"3 1 1 {hashlib.sha256(der).hexdigest()}"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


class Ca:
    """Signs P-256 leaves. Files are named after what they hold and lie in the scene's scratch."""

    def __init__(self, lab, name: str = "ca"):
        self.dir = lab.place(name)
        self.dir.chmod(0o755)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(f"Lab root {name}")
        now = datetime.datetime.utcnow()
        self._cert = (x509.CertificateBuilder().subject_name(self._subject).issuer_name(self._subject)
                      .public_key(self._key.public_key()).serial_number(x509.random_serial_number())
                      .not_valid_before(now - 400 * DAY).not_valid_after(now + 4000 * DAY)
                      .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                      .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
                      .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
                      .sign(self._key, hashes.SHA256()))
        self.file = self.dir / "ca.pem"
        self.file.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))
        self._count = 0

    def leaf(self, *names: str, days: float = 90) -> Certificate:
        """A certificate for `names` (host names or addresses)."""
        return self._issue(names, -1, days, self._subject, self._key)

    def expired(self, *names: str) -> Certificate:
        """Right in every way, but it ran out yesterday."""
        return self._issue(names, -91, -1, self._subject, self._key)

    def self_signed(self, *names: str) -> Certificate:
        """What a man in the middle without a friend among the authorities can make."""
        return self._issue(names, -1, 90, None, None)

    def _issue(self, names, from_days, to_days, issuer, issuer_key) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        alt_names = []
        for name in names:
            try:
                alt_names.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alt_names.append(x509.DNSName(name))
        builder = (x509.CertificateBuilder().subject_name(_name(names[0])).issuer_name(issuer or _name(names[0]))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + from_days * DAY).not_valid_after(now + to_days * DAY)
                   .add_extension(x509.SubjectAlternativeName(alt_names), critical=False)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
        if issuer_key:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        cert = builder.sign(issuer_key or key, hashes.SHA256())
        self._count += 1
        stem = self.dir / f"{self._count:02d}-{re.sub('[^A-Za-z0-9.-]', '_', names[0].replace('*', 'any'))}"
        result = Certificate(stem.with_name(stem.name + ".pem"), stem.with_name(stem.name + ".key"))
        result.chain.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        result.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                 serialization.NoEncryption()))
        return result
