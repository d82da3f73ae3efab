// Warpgroup matrix products (sm_90a): the N side in shared memory, the 64 rows of the M side there or in registers. The
// sums lie as those of mma.m16n8k16 do, of which each warp of the four has 16 rows.
#pragma once

#include "turbosparse/device.cuh"

namespace turbosparse {

inline constexpr int kWarpgroupRows = 64;
inline constexpr int kWarpgroupThreads = 128;

// Both operands lie in panels: rows of 128, 64 or 32 bytes one after the other, whose 16-byte pieces are swizzled so
// that the same piece of eight rows lies in different banks. A panel begins at a multiple of 1024 bytes.
inline constexpr int kPanelBytes = 128;  // of a row, where that is not said
inline constexpr int kPanelAlignment = 1024;

// Where a 16-byte piece of a row of 128 bytes lies in its panel.
__device__ __forceinline__ uint32_t panel_offset(int row, int piece) {
  return static_cast<uint32_t>(row * kPanelBytes + (piece ^ row % 8) * 16);
}

// PTX ISA, "Matrix-descriptor format": address, distance of groups of eight rows, and the swizzle, which follows from
// the length of a row. No operand here is wider than a row, so the other distance is not used.
template <int kRowBytes>
__device__ __forceinline__ uint64_t panel_descriptor(uint32_t address) {
  static_assert(kRowBytes == 128 || kRowBytes == 64 || kRowBytes == 32, "rows that can be swizzled");
  constexpr uint64_t kSwizzle = kRowBytes == 128 ? 1 : kRowBytes == 64 ? 2 : 3;
  constexpr uint64_t kGroupBytes = 8 * kRowBytes;
  return (address & 0x3ffff) >> 4 | uint64_t{1} << 16 | kGroupBytes >> 4 << 32 | kSwizzle << 62;
}

// The descriptor of what lies so many bytes further on.
__device__ __forceinline__ uint64_t advance_descriptor(uint64_t descriptor, uint32_t bytes) {
  return descriptor + (bytes >> 4);
}

// What generic stores and copies wrote to shared memory, and the calling thread has waited for, is there for wgmma.
__device__ __forceinline__ void wgmma_operands_ready() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// Around a batch of products: the registers of the first `kHeld` tiles of sums are there for them, and back.
template <int kHeld, int kTiles>
__device__ __forceinline__ void wgmma_hold(float (&sums)[kTiles][4]) {
#pragma unroll
  for (int n = 0; n < kHeld; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(sums[n][i])::"memory");
  }
}
template <int kHeld, int kTiles, int kTokenTiles>
__device__ __forceinline__ void wgmma_hold(float (&sums)[kTiles][kTokenTiles][4]) {
#pragma unroll
  for (int m = 0; m < kTiles; ++m) wgmma_hold<kHeld>(sums[m]);
}
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
template <int kHeld, int kTiles, int kTokenTiles>
__device__ __forceinline__ void wgmma_begin(float (&sums)[kTiles][kTokenTiles][4]) {
  wgmma_hold<kHeld>(sums);
  wgmma_fence();
}
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }
template <int kHeld, int kTiles, int kTokenTiles>
__device__ __forceinline__ void wgmma_wait(float (&sums)[kTiles][kTokenTiles][4]) {
  wgmma_wait();
  wgmma_hold<kHeld>(sums);
}

// d += a * b of 16 steps on the K side, for the first kTokenTiles * 8 tokens. kMnMajor: the rows of the panels are
// steps, not rows of the result or tokens. Every warp of the warpgroup.
#define TURBOSPARSE_WGMMA(N, TYPE, REGISTERS, A, B, MAJOR, ...)                                              \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" REGISTERS "}, " A ", " B \
               ", 1, 1, 1, " MAJOR ", " MAJOR ";"                                                            \
               : __VA_ARGS__                                                                                 \
               : "l"(a), "l"(b), "n"(static_cast<int>(kMnMajor)))
#define TURBOSPARSE_SUMS_4(t) "+f"(d[t][0]), "+f"(d[t][1]), "+f"(d[t][2]), "+f"(d[t][3])
#define TURBOSPARSE_SUMS_8(t) TURBOSPARSE_SUMS_4(t), TURBOSPARSE_SUMS_4(t + 1)
#define TURBOSPARSE_SUMS_16(t) TURBOSPARSE_SUMS_8(t), TURBOSPARSE_SUMS_8(t + 2)
#define TURBOSPARSE_SUMS_32(t) TURBOSPARSE_SUMS_16(t), TURBOSPARSE_SUMS_16(t + 4)
#define TURBOSPARSE_REGISTERS_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define TURBOSPARSE_REGISTERS_16 TURBOSPARSE_REGISTERS_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define TURBOSPARSE_REGISTERS_32 \
  TURBOSPARSE_REGISTERS_16       \
  ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define TURBOSPARSE_WGMMA_OF(TYPE)                                                                      \
  if constexpr (kTokenTiles == 2) {                                                                     \
    TURBOSPARSE_WGMMA(16, TYPE, TURBOSPARSE_REGISTERS_8, "%8", "%9", "%10", TURBOSPARSE_SUMS_8(0));     \
  } else if constexpr (kTokenTiles == 4) {                                                              \
    TURBOSPARSE_WGMMA(32, TYPE, TURBOSPARSE_REGISTERS_16, "%16", "%17", "%18", TURBOSPARSE_SUMS_16(0)); \
  } else {                                                                                              \
    TURBOSPARSE_WGMMA(64, TYPE, TURBOSPARSE_REGISTERS_32, "%32", "%33", "%34", TURBOSPARSE_SUMS_32(0)); \
  }
template <class Element, bool kMnMajor, int kTokenTiles, int kTiles>
__device__ __forceinline__ void warpgroup_multiply_accumulate(float (&d)[kTiles][4], uint64_t a, uint64_t b) {
  static_assert((kTokenTiles == 2 || kTokenTiles == 4 || kTokenTiles == 8) && kTokenTiles <= kTiles,
                "16, 32 or 64 tokens");
  if constexpr (std::is_same_v<Element, __nv_bfloat16>) {
    TURBOSPARSE_WGMMA_OF("bf16")
  } else {
    TURBOSPARSE_WGMMA_OF("f16")
  }
}
#undef TURBOSPARSE_WGMMA_OF

// d += a * b of 16 steps on the K side, `kColumns` on the N side, whose panels hold a row of steps each. Lane's
// registers of `a` are as those of mma.m16n8k16, and stay as they are until the product is waited for.
#define TURBOSPARSE_WGMMA_RS(N, TYPE, REGISTERS, A, B, ...)                                                    \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" REGISTERS "}, {" A "}, " B \
               ", 1, 1, 1, 0;"                                                                                 \
               : __VA_ARGS__                                                                                   \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define TURBOSPARSE_SUMS_64(t) TURBOSPARSE_SUMS_32(t), TURBOSPARSE_SUMS_32(t + 8)
#define TURBOSPARSE_REGISTERS_64                                                                 \
  TURBOSPARSE_REGISTERS_32                                                                       \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, " \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define TURBOSPARSE_REGISTERS_96                                                                 \
  TURBOSPARSE_REGISTERS_64                                                                       \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, " \
  "%82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define TURBOSPARSE_REGISTERS_128                                                                  \
  TURBOSPARSE_REGISTERS_96                                                                         \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, "     \
  "%127"
#define TURBOSPARSE_WGMMA_RS_OF(TYPE)                                                                               \
  if constexpr (kColumns == 16) {                                                                                   \
    TURBOSPARSE_WGMMA_RS(16, TYPE, TURBOSPARSE_REGISTERS_8, "%8, %9, %10, %11", "%12", TURBOSPARSE_SUMS_8(0));      \
  } else if constexpr (kColumns == 32) {                                                                            \
    TURBOSPARSE_WGMMA_RS(32, TYPE, TURBOSPARSE_REGISTERS_16, "%16, %17, %18, %19", "%20", TURBOSPARSE_SUMS_16(0));  \
  } else if constexpr (kColumns == 64) {                                                                            \
    TURBOSPARSE_WGMMA_RS(64, TYPE, TURBOSPARSE_REGISTERS_32, "%32, %33, %34, %35", "%36", TURBOSPARSE_SUMS_32(0));  \
  } else if constexpr (kColumns == 128) {                                                                           \
    TURBOSPARSE_WGMMA_RS(128, TYPE, TURBOSPARSE_REGISTERS_64, "%64, %65, %66, %67", "%68", TURBOSPARSE_SUMS_64(0)); \
  } else if constexpr (kColumns == 192) {                                                                           \
    TURBOSPARSE_WGMMA_RS(192, TYPE, TURBOSPARSE_REGISTERS_96, "%96, %97, %98, %99", "%100", TURBOSPARSE_SUMS_64(0), \
                         TURBOSPARSE_SUMS_32(16));                                                                  \
  } else {                                                                                                          \
    TURBOSPARSE_WGMMA_RS(256, TYPE, TURBOSPARSE_REGISTERS_128, "%128, %129, %130, %131", "%132",                    \
                         TURBOSPARSE_SUMS_64(0), TURBOSPARSE_SUMS_64(16));                                          \
  }
template <class Element, int kColumns, int kTiles>
__device__ __forceinline__ void warpgroup_multiply_accumulate(float (&d)[kTiles][4], const uint32_t (&a)[4],
                                                              uint64_t b) {
  static_assert((kColumns == 16 || kColumns == 32 || kColumns % 64 == 0) && kColumns <= 256 && kColumns <= 8 * kTiles,
                "columns that there is an instruction of");
  if constexpr (std::is_same_v<Element, __nv_bfloat16>) {
    TURBOSPARSE_WGMMA_RS_OF("bf16")
  } else {
    TURBOSPARSE_WGMMA_RS_OF("f16")
  }
}
#undef TURBOSPARSE_WGMMA_RS_OF
#undef TURBOSPARSE_WGMMA_RS
#undef TURBOSPARSE_REGISTERS_128
#undef TURBOSPARSE_REGISTERS_96
#undef TURBOSPARSE_REGISTERS_64
#undef TURBOSPARSE_SUMS_64
#undef TURBOSPARSE_REGISTERS_32
#undef TURBOSPARSE_REGISTERS_16
#undef TURBOSPARSE_REGISTERS_8
#undef TURBOSPARSE_SUMS_32
#undef TURBOSPARSE_SUMS_16
#undef TURBOSPARSE_SUMS_8
#undef TURBOSPARSE_SUMS_4
#undef TURBOSPARSE_WGMMA

}  // namespace turbosparse
