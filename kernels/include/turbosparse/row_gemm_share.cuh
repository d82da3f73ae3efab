// A block's share of row_gemm's rows, and the passes in which it works them off.
#pragma once

#include "turbosparse/routing.cuh"
#include "turbosparse/row_gemm_shape.cuh"

namespace turbosparse {

// Rows of one expert, or neurons of the block's list, that are worked on together.
struct RowPass {
  int unit;   // first unit of the share
  int units;  // 0 at the end
  int expert;
  int first;   // row of the expert, or index in the list
  int count;   // rows that exist, from `first` on
  int tokens;  // of a mixture: how many it multiplies
};

template <class C>
class RowShare {
 public:
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;

  // All threads of the block; synchronises. Waits for the kernels before, unless the rows are known without them.
  __device__ RowShare(const RowGemmArgs& args, RowGemmScratch<C>& scratch) : args_(args), scratch_(scratch) {
    if constexpr (Shape::kGathers) {
      wait_for_prerequisites();
      // Only now: the next kernel reads the union before it waits for this one.
      dependents_may_launch();
      ActiveList<Shape::kThreads, C::kExperts> list(args.union_bits, args.rows_per_expert);
      if constexpr (C::kExperts > 1) {
        load_routing<C::kTokens, C::kExperts>(scratch.expert_tokens, scratch.routing_weights, args.routing,
                                              args.padding, args.tokens);
      }
      list.scan(scratch.warp_totals);
      list.publish(scratch.first_ranks);
      divide(list.total());
      __syncthreads();
      list.for_range(begin_, end_, threadIdx.x, Shape::kThreads,
                     [&](int i, const ActiveNeuron& neuron) { scratch.rows[i] = neuron.row; });
      if constexpr (Shape::kRouted) {
        __syncthreads();
        merge_tokens();
      }
    } else {
      units_per_expert_ = padded_rows() / Shape::kUnit;
      int experts = 1;
      if constexpr (C::kExperts == 1) {
        dependents_may_launch();
      } else {
        wait_for_prerequisites();
        // Only now: the predictor's next kernel reads the routing before it waits for this one.
        dependents_may_launch();
        experts = list_active_experts<C::kTokens, C::kExperts>(scratch.active_experts, scratch.expert_tokens,
                                                               args.routing, args.padding, args.tokens);
      }
      divide(experts * units_per_expert_);
    }
    const int units = end_ - begin_;
    const int passes = max(1, (units * Shape::kUnit + Shape::kMaxItems - 1) / Shape::kMaxItems);
    pass_units_ = warp_uniform((units + passes - 1) / passes);
    if constexpr (Shape::kRouted) list_tokens();
    __syncthreads();
  }

  __device__ RowPass first() const { return pass_at(begin_); }
  __device__ RowPass next(const RowPass& pass) const { return pass_at(pass.unit + pass.units); }

  __device__ static int tiles(const RowPass& pass) { return tiles(pass.units); }
  // Rows of the tiles of the largest pass.
  __device__ int row_capacity() const { return 16 * max(1, tiles(pass_units_)); }
  // Tokens of the largest pass, for wgmma of whole tiles.
  __device__ int token_capacity() const {
    if constexpr (!Shape::kRouted) return Shape::kWarpgroups ? C::kTokens : args_.tokens;
    int most = 1;
#pragma unroll
    for (int i = 0; i < Shape::kTokenLists; ++i) most = max(most, __popcll(tokens_of(i)));
    if constexpr (Shape::kWarpgroups) most = most <= 16 ? 16 : most <= 32 ? 32 : 64;
    return most;
  }

  // Tokens that a pass multiplies, and which of the call's the i-th is.
  __device__ int token_count(const RowPass& pass) const { return Shape::kRouted ? pass.tokens : args_.tokens; }
  __device__ int token(const RowPass& pass, int i) const {
    return Shape::kRouted ? scratch_.token_lists[pass.expert][i] : i;
  }
  // Whether there is an i-th that looks like another one; where tokens are all of the call, `i` tells.
  __device__ bool exists(const RowPass& pass, int i) const { return !Shape::kRouted || i < token_count(pass); }

  // Row i of a pass: of neuron weights the neuron, else the row, counted through the experts.
  __device__ int row(const RowPass& pass, int i) const {
    return Shape::kGathers ? scratch_.rows[pass.first + i] : pass.expert * args_.rows_per_expert + pass.first + i;
  }
  // The rank of a gathered pass's neuron in the union.
  __device__ int rank(const RowPass& pass, int i) const { return pass.unit + i; }

  __device__ const Element* tokens(const RowPass& pass) const {
    const auto* x = static_cast<const Element*>(args_.x);
    return C::kRole == Role::select ? x + static_cast<int64_t>(pass.expert) * args_.tokens * args_.depth : x;
  }

 private:
  __device__ static int tiles(int units) { return (units * Shape::kUnit + Shape::kTileItems - 1) / Shape::kTileItems; }
  // Selections go on to the end of the bitmap's last word, so that every byte of it is written.
  __device__ int padded_rows() const {
    return Shape::kSelects ? 32 * words_per_expert(args_.rows_per_expert) : args_.rows_per_expert;
  }
  __device__ void divide(int units) {
    const int share = static_cast<int>(blockIdx.x) / C::kCluster;
    const int shares = static_cast<int>(gridDim.x) / C::kCluster;
    begin_ = warp_uniform(static_cast<int>(static_cast<int64_t>(units) * share / shares));
    end_ = warp_uniform(static_cast<int>(static_cast<int64_t>(units) * (share + 1) / shares));
  }
  __device__ RowPass pass_at(int unit) const {
    RowPass pass{unit, min(end_ - unit, pass_units_), 0, unit - begin_, 0, 0};
    if constexpr (Shape::kGathers) {
      pass.count = pass.units;
    } else {
      const int index = C::kExperts == 1 ? 0 : unit / units_per_expert_;
      const int within = unit - index * units_per_expert_;
      pass.units = min(pass.units, units_per_expert_ - within);
      if constexpr (C::kExperts > 1) pass.expert = pass.units > 0 ? scratch_.active_experts[index] : 0;
      pass.first = within * Shape::kUnit;
      pass.count = max(0, min(pass.units * Shape::kUnit, args_.rows_per_expert - pass.first));
    }
    if constexpr (Shape::kRouted) pass.tokens = warp_uniform(__popcll(tokens_of(pass.expert)));
    return pass;
  }

  // Of a mixture: the tokens of a pass, one bit each. Passes of neurons may go from one expert to the next, so theirs
  // are those of all experts that the block has neurons of.
  __device__ uint64_t tokens_of(int expert) const {
    return Shape::kGathers ? block_tokens_ : scratch_.expert_tokens[expert];
  }
  __device__ void merge_tokens() {
    if (begin_ == end_) return;
    const int last = scratch_.rows[end_ - begin_ - 1] / args_.rows_per_expert;
    for (int e = scratch_.rows[0] / args_.rows_per_expert; e <= last; ++e) block_tokens_ |= scratch_.expert_tokens[e];
  }
  __device__ void list_tokens() {
    for (int i = threadIdx.x; i < Shape::kTokenLists * C::kTokens; i += Shape::kThreads) {
      const uint64_t tokens = tokens_of(i / C::kTokens);
      const int token = i % C::kTokens;
      if ((tokens >> token & 1) == 0) continue;
      scratch_.token_lists[i / C::kTokens][__popcll(tokens & ((uint64_t{1} << token) - 1))] =
          static_cast<uint8_t>(token);
    }
  }

  const RowGemmArgs& args_;
  RowGemmScratch<C>& scratch_;
  int begin_, end_;
  int pass_units_;
  int units_per_expert_ = 0;
  uint64_t block_tokens_ = 0;
};

}  // namespace turbosparse
