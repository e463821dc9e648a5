# SPDX-License-Identifier: GPL-2.0-only
"""As much of libbpf as loading a policy from an object file takes."""
import ctypes
import os

_lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
for _name in ("bpf_object__open_file", "bpf_object__find_map_by_name",
              "bpf_map__attach_struct_ops"):
    getattr(_lib, _name).restype = ctypes.c_void_p


def _checked(pointer, what):
    if not pointer:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))
    return ctypes.c_void_p(pointer)


class Policy:
    """A loaded object file with one struct_ops map."""

    def __init__(self, path, map_name):
        self.object = _checked(_lib.bpf_object__open_file(path.encode(), None), path)
        result = _lib.bpf_object__load(self.object)
        if result:
            raise OSError(-result, "%s: %s" % (path, os.strerror(-result)))
        self.map = _checked(_lib.bpf_object__find_map_by_name(self.object, map_name.encode()),
                            map_name)
        self.fd = _lib.bpf_map__fd(self.map)
        self.link = None

    def attach(self):
        self.link = _checked(_lib.bpf_map__attach_struct_ops(self.map), "attach")

    def detach(self):
        if self.link:
            _lib.bpf_link__destroy(self.link)
            self.link = None

    def close(self):
        self.detach()
        _lib.bpf_object__close(self.object)
