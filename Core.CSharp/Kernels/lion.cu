// Lion over many tensors at once (Chen et al., arXiv 2302.06675, algorithm 2), with the gradients' clipping, the
// conversion to bfloat16 weights and the weights' running averages in the same pass over memory.

typedef Group<64, 1> LionGroup;

struct LionStep
{
    float rate;
    float kept;
    float factor;
    float beta1;
    float rest1;
    float beta2;
    float rest2;
    float share;
};

// Rounded as separate operations round, product and sum with the product: where a direction is within rounding of
// nothing, another rounding would turn the whole step around.
__device__ __forceinline__ float mixed(float old, float kept, float added, float part)
{
    return fmaf(added, part, __fmul_rn(old, kept));
}

__device__ __forceinline__ float lion_advance(const LionStep& step, float gradient, float weight, float& momentum)
{
    float g = __fmul_rn(gradient, step.factor);
    float direction = mixed(momentum, step.beta1, g, step.rest1);
    momentum = mixed(momentum, step.beta2, g, step.rest2);
    return mixed(weight, step.kept, (float)((direction > 0.0f) - (direction < 0.0f)), -step.rate);
}

template <bool Whole>
__device__ __forceinline__ void lion4(const LionGroup& group, const LionStep& step, int tensor, int at, int end)
{
    float* momentum = (float*)group.state[0][tensor];
    float4 w = load4<Whole>(group.master[tensor], at, end);
    float4 m = load4<Whole>(momentum, at, end);
    float4 g = load4<Whole>(group.gradient[tensor], group.wide, at, end);
    w.x = lion_advance(step, g.x, w.x, m.x);
    w.y = lion_advance(step, g.y, w.y, m.y);
    w.z = lion_advance(step, g.z, w.z, m.z);
    w.w = lion_advance(step, g.w, w.w, m.w);
    store4<Whole>(momentum, at, end, m);
    keep4<Whole>(group, tensor, at, end, w, step.share);
}

extern "C" __global__ void lion(
    LionGroup group,
    const double* rate,
    const float* norm,
    const float* share,
    float limit,
    double beta1,
    double beta2,
    double decay)
{
    __shared__ LionStep shared_step;
    Share block = share_of(group);
    if (threadIdx.x == 0)
    {
        shared_step.rate = (float)*rate;
        shared_step.kept = (float)(1.0 - *rate * decay);
        shared_step.factor = clipping(norm, limit);
        shared_step.beta1 = (float)beta1;
        shared_step.rest1 = (float)(1.0 - beta1);
        shared_step.beta2 = (float)beta2;
        shared_step.rest2 = (float)(1.0 - beta2);
        shared_step.share = share == 0 ? 0.0f : *share;
    }

    __syncthreads();
    LionStep step = shared_step;
    if (group.gradient[block.tensor] == 0)
    {
        follow(group, block, step.share);
        return;
    }

    for (int at = block.begin + threadIdx.x * 4; at < block.end; at += blockDim.x * 4)
    {
        if (at + 4 <= block.end)
        {
            lion4<true>(group, step, block.tensor, at, block.end);
        }
        else
        {
            lion4<false>(group, step, block.tensor, at, block.end);
        }
    }
}
