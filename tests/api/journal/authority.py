"""A time-stamping authority on this machine, made with openssl."""

import subprocess
from pathlib import Path

import httpx

CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[signing]
basicConstraints = critical, CA:false
extendedKeyUsage = critical, timeStamping
[issuing]
basicConstraints = critical, CA:true
[req]
distinguished_name = name
[name]
"""


class Authority:
    """The authority, with its keys in a folder. `certificates`: the file that its users trust (PEM)."""

    def __init__(self, folder: Path, name: str = "Horodatage") -> None:
        folder.mkdir()
        self.folder, self.certificates, self.asked = folder, folder / "issuer.pem", 0
        (folder / "serial").write_text("01")
        (folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=folder))
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
        by_issuer = ("-CA", "issuer.pem", "-CAkey", "issuer.key")
        for who, of, by in (("issuer", "issuing", ()), ("signer", "signing", by_issuer)):
            made = ("-keyout", f"{who}.key", "-out", f"{who}.pem", "-subj", f"/CN={name} {who}", "-extensions", of)
            self._openssl(*new, *made, *by)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, as over HTTP."""
        self.asked += 1
        (self.folder / "query").write_bytes(request.content)
        self._openssl(
            *("ts", "-reply", "-queryfile", "query", "-signer", "signer.pem", "-inkey", "signer.key", "-out", "reply"),
            *("-chain", "issuer.pem"),
        )
        return httpx.Response(200, content=(self.folder / "reply").read_bytes())

    def client(self) -> httpx.AsyncClient:
        """A client that reaches this authority, whatever it asks."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    def _openssl(self, *arguments: str) -> None:
        command = ("openssl", arguments[0], "-config", "openssl.cnf", *arguments[1:])
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
