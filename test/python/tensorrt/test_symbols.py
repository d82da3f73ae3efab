"""What the library shows to the loader and asks of it."""

import subprocess


def nm(library, *options):
    result = subprocess.run(["nm", "-D", *options, str(library)], capture_output=True, text=True, check=True)
    return [line.split()[-1] for line in result.stdout.splitlines()]


def test_exports_are_what_tensorrt_looks_for(library):
    assert nm(library, "--defined-only") == ["getCreators", "setLoggerFinder"]


def test_nothing_of_tensorrt_is_needed(library):
    needed = nm(library, "--undefined-only")
    assert len(needed) > 10
    assert [name for name in needed if "nvinfer" in name.lower() or name.startswith("getInfer")] == []
    # C's library alone: no C++ runtime whose version the server would have to have.
    assert [name for name in needed if "@" not in name and not name.startswith("_")] == []


def test_only_glibc_is_loaded(library):
    dynamic = subprocess.run(["readelf", "-d", str(library)], capture_output=True, text=True, check=True).stdout
    libraries = [line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]
    assert set(libraries) <= {
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "librt.so.1",
        "libpthread.so.0",
        "ld-linux-x86-64.so.2",
    }
