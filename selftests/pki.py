# SPDX-License-Identifier: GPL-2.0-only
"""Authorities and certificates of workloads, made with openssl(1), in folders as cert-manager has
them: tls.crt, tls.key, ca.crt."""
import os
import subprocess


def _openssl(*args):
    subprocess.run(("openssl",) + args, check=True, capture_output=True)


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name="authority"):
        self.folder, self.serial = os.path.join(folder, name), 0
        os.makedirs(self.folder)
        self.crt, self.key = self.path("ca.crt"), self.path("ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-keyout", self.key, "-out", self.crt, "-days", "30",
                 "-subj", "/O=%s" % name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def workload(self, folder, uri, days=10, dns=None, trusts=()):
        """Writes a certificate for uri, its key and the authority's into folder; ca.crt has the
        other authorities that it trusts, too."""
        self.serial += 1
        os.makedirs(folder, exist_ok=True)
        names = ["URI:" + uri] if uri else []
        names += ["DNS:" + n for n in dns or []]
        ext, csr = self.path("%d.ext" % self.serial), self.path("%d.csr" % self.serial)
        with open(ext, "w", encoding="ascii") as f:
            f.write("subjectAltName=critical,%s\nkeyUsage=critical,digitalSignature\n"
                    "extendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n"
                    % ",".join(names))
        key, crt = os.path.join(folder, "tls.key"), os.path.join(folder, "tls.crt")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-keyout", key + ".new", "-out", csr, "-subj", "/")
        # A certificate of the past: from and to are behind us.
        when = ["-days", str(days)] if days > 0 else \
            ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"]
        if days > 0:
            _openssl("x509", "-req", "-in", csr, "-CA", self.crt, "-CAkey", self.key,
                     "-set_serial", str(self.serial + 1000), "-extfile", ext,
                     "-out", crt + ".new", *when)
        else:
            index = self.path("index")
            with open(index, "w", encoding="ascii"):
                pass
            conf = self.path("ca.cnf")
            with open(conf, "w", encoding="ascii") as f:
                f.write("[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nnew_certs_dir=%s\n"
                        "default_md=sha256\npolicy=p\nrand_serial=yes\n[p]\n"
                        % (index, self.folder))
            _openssl("ca", "-batch", "-config", conf, "-in", csr, "-cert", self.crt, "-keyfile",
                     self.key, "-extfile", ext, "-out", crt + ".new", "-notext", "-startdate",
                     "20200101000000Z", "-enddate", "20200201000000Z", "-subj", "/O=past")
        with open(os.path.join(folder, "ca.crt.new"), "wb") as bundle:
            for authority in (self, *trusts):
                with open(authority.crt, "rb") as f:
                    bundle.write(f.read())
        for name in ("ca.crt", "tls.key", "tls.crt"):
            os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name))
        return folder


def spiffe(account, namespace="default", domain="cluster.local"):
    return "spiffe://%s/ns/%s/sa/%s" % (domain, namespace, account)
