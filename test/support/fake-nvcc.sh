#!/usr/bin/env bash
# Stands in for nvcc 13.0: appends the source to $FAKE_NVCC_LOG and leaves an object that links. FAKE_NVCC says how to
# fail instead, for the sources whose path contains FAKE_NVCC_UNIT.
set -u
if [ "$1" = --version ]; then
  echo "Cuda compilation tools, release 13.0, V${FAKE_NVCC_VERSION:-13.0.88}"
  exit 0
fi
while [ $# -gt 0 ]; do
  case $1 in
  -o) output=$2 && shift ;;
  kernels/*.cu | kernels/*.cc) source=$1 ;;
  esac
  shift
done
echo "$source" >>"$FAKE_NVCC_LOG"
mode=ok
case $source in *"${FAKE_NVCC_UNIT:-}"*) mode=${FAKE_NVCC:-ok} ;; esac
case $mode in
error)
  echo "$source(3): warning #177-D: something else" >&2
  echo "$source(7): error: identifier \"x\" is undefined" >&2
  echo "1 error detected in the compilation of \"$source\"." >&2
  exit 2
  ;;
crash) kill -SEGV $$ ;;
hang) sleep 600 ;;
killed) exit 137 ;;
killed-once)
  marker=$FAKE_NVCC_LOG.${source//\//-}
  if [ ! -e "$marker" ]; then
    touch "$marker"
    exit 137
  fi
  ;;
garbage)
  echo garbage >"$output"
  exit 0
  ;;
nothing) exit 0 ;;
slow) sleep 0.2 ;;
spills)
  echo "ptxas info    : Compiling entry function '_Z6kernelv' for 'sm_90a'" >&2
  echo "    8 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads" >&2
  echo "ptxas info    : Used 80 registers, used 1 barriers" >&2
  ;;
esac
# One function that each library shows and that needs the C++ runtime, so that the library asks for a glibc.
body='(int x) { if (x) throw std::runtime_error("x"); return 0; }'
case $source in
kernels/bindings/tvm_ffi.cc) program="extern \"C\" int __tvm_ffi_ffn$body" ;;
kernels/bindings/tensorrt/creators.cc) program="extern \"C\" int getCreators$body" ;;
kernels/launch/operators.cc) program="namespace turbosparse { int ffn$body }" ;;
*) program="void unit_$(printf "%s\n" "$source" | tr -c 'a-z0-9\n' _)() {}" ;;
esac
case $program in *throw*) program="#include <stdexcept>
$program" ;; esac
printf '%s\n' "$program" | g++ -x c++ -c -fPIC -O1 - -o "$output"
