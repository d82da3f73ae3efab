// Geometry of row_gemm: tiles, slots, and what lies beside the ring in shared memory.
#pragma once

#include <algorithm>

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"
#include "turbosparse/wgmma.cuh"

namespace turbosparse {

// Neurons of the union that a block lists; launches have as many blocks as that needs.
inline constexpr int kRowListCapacity = 1024;
// Neurons of a byte of the bitmap.
inline constexpr int kSelectionUnit = 8;

// Where the activations of the union's neuron `rank` for tokens 8 * n to 8 * n + 7 lie: in rows of kTokens, the rows'
// 16-byte pieces swizzled so that ldmatrix reads eight rows without bank conflicts.
template <int kTokens>
__device__ constexpr int64_t activation_index(int64_t rank, int n) {
  constexpr int kPieces = kTokens / 8;
  return rank * kTokens + (n ^ (rank * kPieces / 8 & (kPieces - 1))) * 8;
}

template <class C>
struct RowGemmShape {
  using Weight = typename C::Weight;
  static constexpr int kWeightSize = static_cast<int>(sizeof(Weight));
  static constexpr bool kInt8 = kWeightSize == 1;
  static constexpr bool kWarpgroups = C::kMatrixOp != MatrixOp::mma;
  // wgmma reads rows from shared memory; int8 ones are widened to registers on their way.
  static constexpr bool kRowPanels = kWarpgroups && !kInt8;
  // Tokens are on the M side of wgmma, and the computing warpgroup reads them without the ring.
  static constexpr bool kTokensInRegisters = C::kMatrixOp == MatrixOp::wgmma_rs;
  static constexpr bool kGathers = C::kRole == Role::gate_up || C::kRole == Role::up;
  static constexpr bool kSelects = C::kRole == Role::select || C::kRole == Role::gate;
  // A pass multiplies only the tokens that go to its expert, or to one of those whose neurons the block has. There is
  // no smaller tile than one of 8.
  static constexpr bool kRouted = C::kExperts > 1 && C::kTokens > 8;
  // Neither the rows nor a block's share of them depend on earlier kernels.
  static constexpr bool kRowsKnown = !kGathers && C::kExperts == 1;

  static constexpr int kComputeThreads = C::kWarps * 32;
  static constexpr int kProducerThreads = C::kProducers * 32;
  static constexpr int kThreads = kComputeThreads + kProducerThreads;
  // A tile is the M side of mma: 16 rows, or the gate and up rows of 8 neurons.
  static constexpr int kRowKinds = C::kRole == Role::gate_up ? 2 : 1;
  static constexpr int kTileItems = 16 / kRowKinds;
  // Blocks of a cluster share the row length of their passes, which a warpgroup's tile is large enough for.
  static constexpr bool kClusters = C::kCluster > 1;
  static constexpr int kMaxItems = kClusters ? kWarpgroupRows : C::kWarps * C::kTiles * kTileItems;  // of a pass
  static constexpr int kTokenTiles = C::kTokens / 8;
  // Selections are shared out in whole bytes of the bitmap.
  static constexpr int kUnit = kSelects ? kSelectionUnit : 1;

  // Rows are padded so that the eight rows that ldmatrix reads at once lie in different banks; int8 rows meet tokens
  // that are read 8 bytes a lane, which takes twice the padding. Panels for wgmma are swizzled instead.
  static constexpr int kRowPadding = kRowPanels ? 0 : 16;
  static constexpr int kTokenPadding = kWarpgroups ? 0 : kInt8 ? 32 : 16;
  // Columns whose tokens are in registers at once, while those of the next ones are on their way. select's rows may be
  // shorter than kDepth by any multiple of 64.
  static constexpr int kRegisterColumns = kGathers && C::kDepth % 128 == 0 ? 128 : 64;
  // Slots hold shorter chunks, but of at least this length, where that makes room for enough of them.
  static constexpr int kMinChunk = kInt8 ? 128 : kTokensInRegisters ? kRegisterColumns : 64;
  static constexpr int kWantedSlots = 3;
  static constexpr int kMaxSlots = 32;

  static constexpr int kSumsBytes = kTokensInRegisters ? 0 : 64 * C::kWarps * C::kTokens;
  static constexpr int kTokenSets = kTokensInRegisters ? kMaxItems : 0;
  // Behind the ring's last slot wgmma reads on to the next multiple of 64 rows; nothing comes of what it reads there.
  static constexpr int kReadBehind = kTokensInRegisters ? (kWarpgroupRows - 16) * kPanelBytes : 0;
  // The tokens of a pass in order: of each expert, or of all that a gathering block has neurons of.
  static constexpr int kTokenLists = !kRouted ? 0 : kGathers ? 1 : C::kExperts;
  static constexpr int kRoutingBytes = 16 * C::kExperts + kTokenLists * C::kTokens;
  static constexpr int kListBytes =
      kGathers ? 4 * (kRowListCapacity + kThreads) + 4 * C::kTokens * C::kExperts : 4 * C::kTokens;
  static constexpr int kScratchBytes = std::max(kReadBehind, kRoutingBytes + kListBytes + 8 * kTokenSets + 1024);
  static constexpr int kSharedBytes = C::kRingBytes + kSumsBytes + kScratchBytes;

  static_assert(kSharedBytes <= 227 * 1024, "more than any multiprocessor has");
  static_assert(C::kChunk % kMinChunk == 0 && (C::kChunk & (C::kChunk - 1)) == 0, "chunk must be a power of two");
  static_assert(C::kChunk * kWeightSize / 16 <= kProducerThreads, "the producers must cover a row's chunk");
  static_assert(2 * (16 * C::kWarps * C::kTiles * (kMinChunk * kWeightSize + kRowPadding) +
                     (kTokensInRegisters ? 0 : C::kTokens * (kMinChunk * 2 + kTokenPadding))) <=
                    C::kRingBytes,
                "two slots of the shortest chunks must fit the ring");
  static_assert(!kInt8 || C::kRole == Role::select, "only fc2 comes in int8");
  static_assert(!kWarpgroups || (C::kWarps % 4 == 0 && C::kRingBytes % kPanelAlignment == 0), "whole warpgroups");
  static_assert(!kTokensInRegisters || !kInt8, "one side of wgmma is in shared memory as it is multiplied");
  static_assert(!kTokensInRegisters ||
                    (C::kWarps == 4 && !kRouted && (C::kRole == Role::gate_up || C::kRole == Role::select)),
                "one warpgroup reads the tokens");
  static_assert(!kClusters || (kWarpgroups && kRowsKnown && C::kRole == Role::fc1 && C::kCluster == 4 &&
                               C::kTiles == 1 && C::kWarps == 8),
                "a warp of one block adds up what the blocks have of its tile");
  static_assert(C::kDepth % 64 == 0, "rows must be whole multiples of 64");
  static_assert(C::kTokens % 8 == 0 && C::kTokens <= kMaxTokens && C::kExperts <= kMaxExperts, "illegal tile");
};

// Behind the ring and the warps' sums in shared memory.
template <class C>
struct RowGemmScratch {
  using Shape = RowGemmShape<C>;
  uint64_t barriers[2 * Shape::kMaxSlots];  // full and empty slots'
  int warp_totals[32];
  // The tokens routed to an expert, one bit each.
  unsigned long long expert_tokens[C::kExperts];
  uint8_t token_lists[Shape::kRouted ? Shape::kTokenLists : 1][C::kTokens];
  int active_experts[Shape::kGathers ? 1 : C::kExperts];  // that have tokens
  float norms[Shape::kInt8 ? C::kTokens : 1];             // of a pass's tokens' hidden layers
  // Gathering roles.
  int rows[Shape::kGathers ? kRowListCapacity : 1];
  int first_ranks[Shape::kGathers ? Shape::kThreads : 1];
  uint64_t token_sets[Shape::kTokensInRegisters ? Shape::kTokenSets : 1];  // of a pass's neurons
  float routing_weights[Shape::kGathers && C::kExperts > 1 ? C::kTokens * C::kExperts : 1];
};

}  // namespace turbosparse
