// Weight rows times 1 to 64 tokens at the speed of memory, with what becomes of the products decided by the role.
//
// A block owns a contiguous share of the rows and walks along their length: producer warps copy a chunk of every row,
// and of the tokens, into a slot of a ring in shared memory, and computing warps multiply. Rows are on the M side,
// tokens on the N side of mma or wgmma, but for wgmma_rs, which has them the other way round and the tokens in
// registers. With many rows a warp owns tiles of them; with few the warps share the row length as well and add their
// sums in a fixed order. Rows that no earlier kernel writes are sent for before the earlier kernels have ended. Of a
// mixture's tokens a pass has only those that go to its rows' expert.
#pragma once

#include <climits>

#include "turbosparse/row_gemm_direct.cuh"
#include "turbosparse/row_gemm_exchange.cuh"
#include "turbosparse/row_gemm_outputs.cuh"
#include "turbosparse/row_gemm_tokens.cuh"
#include "turbosparse/row_gemm_warp.cuh"
#include "turbosparse/row_gemm_warpgroup.cuh"

namespace turbosparse {

// The chunks of the rows that a block works on: all, or its part of a cluster's.
struct RowChunks {
  int begin, end;
};
template <class C>
__device__ RowChunks chunks_of_block(int depth, int chunk) {
  const int chunks = (depth + chunk - 1) / chunk;
  if constexpr (RowGemmShape<C>::kClusters) {
    const int rank = cluster_rank();
    return {chunks * rank / C::kCluster, chunks * (rank + 1) / C::kCluster};
  } else {
    return {0, chunks};
  }
}

// Producer warps: every chunk of every pass, in order.
template <class C>
__device__ void produce_rows(const RowGemmArgs& args, const RowShare<C>& share, const RowRing<C>& ring,
                             const RowChunks& chunks) {
  using Shape = RowGemmShape<C>;
  const RowProducer<C> producer(args, share, ring);
  const auto for_chunks = [&](int from, int to, auto send) {
    RingPosition at;
    int n = 0;
    for (RowPass pass = share.first(); pass.units > 0 && n < to; pass = share.next(pass)) {
      for (int chunk = chunks.begin; chunk < chunks.end && n < to; ++chunk, ++n, at.advance(ring.slots)) {
        const int offset = chunk * ring.chunk;
        if (n >= from) send(at, pass, offset, min(ring.chunk, args.depth - offset));
      }
    }
  };
  int early = 0;
  if constexpr (Shape::kRowsKnown) {
    early = ring.slots;
    for_chunks(0, early, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
      producer.send_rows(at.slot, pass, offset, length);
    });
    wait_for_prerequisites();
    for_chunks(0, early, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
      producer.send_tokens(at.slot, pass, offset, length);
    });
  }
  for_chunks(early, INT_MAX, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
    mbarrier_wait(&ring.empty[at.slot], at.parity ^ 1);
    producer.send_rows(at.slot, pass, offset, length);
    producer.send_tokens(at.slot, pass, offset, length);
  });
}

// The computing warps' part of the selections of experts without tokens.
template <class C>
__device__ void clear_other_selections(const RowGemmArgs& args, const RowGemmScratch<C>& scratch) {
  using Shape = RowGemmShape<C>;
  if constexpr (Shape::kSelects && C::kExperts > 1) {
    clear_selections<C::kExperts>(args, scratch.expert_tokens, blockIdx.x * Shape::kComputeThreads + threadIdx.x,
                                  gridDim.x * Shape::kComputeThreads);
  }
}

// Computing warps: every pass, and what becomes of its products.
template <class C>
__device__ void compute_rows(const RowGemmArgs& args, const RowShare<C>& share, const RowRing<C>& ring,
                             const RowChunks& chunks, RowGemmScratch<C>& scratch, float* sums) {
  using Shape = RowGemmShape<C>;
  if constexpr (Shape::kRowsKnown) wait_for_prerequisites();
  uint64_t tokens = 0;
  if constexpr (Shape::kSelects && C::kExperts == 1) tokens = real_tokens(args);
  std::conditional_t<Shape::kWarpgroups, RowGemmWarpgroup<C>, RowGemmWarp<C>> mine;
  std::conditional_t<Shape::kInt8, TokenNorms<C>, int> norms{};
  int norms_expert = -1;  // whose tokens' they are
  RingPosition at;
  for (RowPass pass = share.first(); pass.units > 0; pass = share.next(pass)) {
    mine.begin(RowShare<C>::tiles(pass), share.token_count(pass));
    NeuronFacts facts[C::kTiles];
    if constexpr (Shape::kGathers) {
#pragma unroll
      for (int m = 0; m < C::kTiles; ++m) {
        if (mine.group == 0 && m < mine.count) facts[m] = load_facts<C>(args, share, pass, mine.tile(m));
      }
    }
    float scales[C::kTiles][2];
    if constexpr (Shape::kInt8) {
#pragma unroll
      for (int m = 0; m < C::kTiles; ++m) load_scales(scales[m], args, share, pass, mine.tile(m));
    }
    for (int chunk = chunks.begin; chunk < chunks.end; ++chunk) {
      mbarrier_wait(&ring.full[at.slot], at.parity);
      const int length = min(ring.chunk, args.depth - chunk * ring.chunk);
      mine.multiply(ring, at.slot, length);
      if constexpr (Shape::kInt8) {
        if (pass.expert != norms_expert) norms.add(ring, at.slot, length, share.token_count(pass));
      }
      mbarrier_arrive(&ring.empty[at.slot]);
      at.advance(ring.slots);
    }
    if constexpr (Shape::kInt8) {
      if (pass.expert != norms_expert) norms.publish(scratch.norms);
      norms_expert = pass.expert;
    }
    mine.reduce(sums);
    if constexpr (Shape::kClusters) {
      // A block of a cluster has one pass.
      const int tile = mine.tile(0);
      cluster_wait();
      if (mine.group == 0) RowExchange<C>::send(sums, mine.sums[0], tile);
      cluster_arrive();
      cluster_wait();
      if (mine.group == 0 && tile == cluster_rank()) {
        RowExchange<C>::add_up(sums, mine.sums[0]);
        write_hidden_layer<C>(args, share, pass, tile, mine.sums[0]);
      }
    } else if (mine.group == 0) {
#pragma unroll
      for (int m = 0; m < C::kTiles; ++m) {
        if (m >= mine.count) break;
        const int tile = mine.tile(m);
        if constexpr (Shape::kSelects && C::kExperts > 1) tokens = scratch.expert_tokens[pass.expert];
        if constexpr (Shape::kInt8) {
          finish_logits<C>(args, share, pass, tile, tokens, scales[m], scratch.norms, mine.sums[m]);
        }
        if constexpr (C::kRole == Role::fc1) {
          write_hidden_layer<C>(args, share, pass, tile, mine.sums[m]);
        } else if constexpr (Shape::kSelects) {
          write_selection<C>(args, share, pass, tile, tokens, mine.sums[m]);
        } else {
          write_activations<C>(args, share, pass, tile, facts[m], scratch.routing_weights, mine.sums[m]);
        }
      }
    }
  }
  clear_other_selections<C>(args, scratch);
}

// The computing warpgroup that reads tokens itself: every pass.
template <class C>
__device__ void compute_tokens(const RowGemmArgs& args, const RowShare<C>& share, const RowRing<C>& ring,
                               RowGemmScratch<C>& scratch) {
  using Shape = RowGemmShape<C>;
  if constexpr (Shape::kRowsKnown) wait_for_prerequisites();
  uint64_t tokens = 0;
  if constexpr (Shape::kSelects) tokens = real_tokens(args);
  RowGemmTokens<C> mine(args, share, scratch);
  RingPosition at;
  for (RowPass pass = share.first(); pass.units > 0; pass = share.next(pass)) {
    mine.begin(pass);
    for (int column = 0; column < args.depth; column += ring.chunk) {
      mine.multiply(ring, at, column, min(ring.chunk, args.depth - column));
      mbarrier_arrive(&ring.empty[at.slot]);
      at.advance(ring.slots);
    }
    if constexpr (Shape::kGathers) {
      mine.write_activations(pass);
    } else {
      mine.write_selection(pass, tokens);
    }
  }
}

template <class C>
__global__ void __launch_bounds__(RowGemmShape<C>::kThreads, 1)
    row_gemm_kernel(const __grid_constant__ RowGemmArgs args) {
  using Shape = RowGemmShape<C>;
  static_assert(sizeof(RowGemmScratch<C>) <= Shape::kScratchBytes, "scratch must fit");
  extern __shared__ __align__(kPanelAlignment) unsigned char shared[];
  auto* sums = reinterpret_cast<float*>(shared + C::kRingBytes);
  auto& scratch = *reinterpret_cast<RowGemmScratch<C>*>(shared + C::kRingBytes + Shape::kSumsBytes);

  if (threadIdx.x == 0) RowRing<C>::init(scratch.barriers);
  if constexpr (Shape::kClusters) {
    __syncwarp();
    cluster_arrive();  // the block has started
  }
  const RowShare<C> share(args, scratch);
  const RowRing<C> ring(shared, scratch.barriers, share.row_capacity(), share.token_capacity());
  const RowChunks chunks = chunks_of_block<C>(args.depth, ring.chunk);
  if (threadIdx.x >= Shape::kComputeThreads) {
    produce_rows<C>(args, share, ring, chunks);
    if constexpr (Shape::kClusters) {
      __syncwarp();
      cluster_wait();
      cluster_arrive();  // for the computing warps' exchange
    }
    return;
  }
  if constexpr (Shape::kTokensInRegisters) {
    compute_tokens<C>(args, share, ring, scratch);
  } else {
    compute_rows<C>(args, share, ring, chunks, scratch, sums);
  }
}

template <class C>
Status launch_row_gemm_ring(const RowGemmArgs& args, cudaStream_t stream) {
  using Shape = RowGemmShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &row_gemm_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  int blocks = multiprocessors;
  if constexpr (Shape::kClusters) {
    static std::array<std::atomic<int>, 64> known{};
    int clusters = 0;
    if (Status status = resident_clusters(kernel, Shape::kThreads, Shape::kSharedBytes, C::kCluster, &known, &clusters);
        !status.ok()) {
      return status;
    }
    // More than run at once where their passes would not hold all rows.
    const int passes = (args.rows_per_expert + Shape::kMaxItems - 1) / Shape::kMaxItems;
    blocks = C::kCluster * max(passes, min(clusters, multiprocessors / C::kCluster));
  } else if constexpr (Shape::kGathers) {
    const int neurons = C::kExperts * args.rows_per_expert;
    blocks = max(blocks, (neurons + kRowListCapacity - 1) / kRowListCapacity);
  }
  return launch(kernel, args, blocks, Shape::kThreads, Shape::kSharedBytes, stream, C::kCluster);
}

template <class C>
Status launch_row_gemm(const RowGemmArgs& args, cudaStream_t stream) {
  if constexpr (C::kProducers == 0) {
    return launch_row_gemm_direct<C>(args, stream);
  } else {
    return launch_row_gemm_ring<C>(args, stream);
  }
}

}  // namespace turbosparse
