// AdamW over many tensors at once, with the gradients' clipping, the conversion to bfloat16 weights and the weights'
// running averages in the same pass over memory. Tensors lie in the kernel's parameters, so that a recorded graph keeps
// them. Moments in bfloat16 are rounded up or down at random, drawn by seed, step, tensor and element: a step changes the
// second moment by 1/1000, which rounding to the nearest of bfloat16's 1/256 would lose (Gupta et al. 2015, arXiv
// 1502.02551).

#define TENSORS 64

struct Group
{
    u16* narrow[TENSORS];
    float* master[TENSORS];
    const void* gradient[TENSORS];
    void* first[TENSORS];
    void* second[TENSORS];
    float* average[TENSORS];
    int elements[TENSORS];
    int start[TENSORS];
    int place[TENSORS];
    int tensors;
    int wide;
    int narrow_moments;
    int span;
};

struct Step
{
    float rate;
    float factor;
    float beta1;
    float beta2;
    float decay;
    float epsilon;
    float correction1;
    float root2;
    float share;
    u32 count;
    u32 place;
};

// The mean over the draws, 16 bits, is the exact value.
__device__ __forceinline__ u32 rounded(float value, u32 draw)
{
    return (__float_as_uint(value) + (draw & 0xffffu)) >> 16;
}

__device__ __forceinline__ float4 widened(uint2 pairs)
{
    return make_float4(
        __uint_as_float(pairs.x << 16),
        __uint_as_float(pairs.x & 0xffff0000u),
        __uint_as_float(pairs.y << 16),
        __uint_as_float(pairs.y & 0xffff0000u));
}

__device__ __forceinline__ float advance(const Step& step, float gradient, float weight, float& first, float& second)
{
    float g = gradient * step.factor;
    first += (1.0f - step.beta1) * (g - first);
    second = step.beta2 * second + (1.0f - step.beta2) * g * g;
    weight -= step.rate * step.decay * weight;
    return weight - step.rate / step.correction1 * first / (sqrtf(second) / step.root2 + step.epsilon);
}

extern "C" __global__ void adamw(
    Group group,
    const float* counts,
    const float* rate,
    const float* norm,
    const float* share,
    u64 seed,
    float limit,
    float beta1,
    float beta2,
    float decay,
    float epsilon)
{
    __shared__ Step shared_step;
    int tensor = 0;
    while (tensor + 1 < group.tensors && group.start[tensor + 1] <= (int)blockIdx.x)
    {
        tensor++;
    }

    if (threadIdx.x == 0)
    {
        double count = counts[group.place[tensor]];
        shared_step.rate = *rate;
        shared_step.factor = norm == 0 ? 1.0f : fminf(1.0f, limit / (*norm + 1e-6f));
        shared_step.beta1 = beta1;
        shared_step.beta2 = beta2;
        shared_step.decay = decay;
        shared_step.epsilon = epsilon;
        shared_step.correction1 = (float)(1.0 - pow((double)beta1, count));
        shared_step.root2 = (float)sqrt(1.0 - pow((double)beta2, count));
        shared_step.share = share == 0 ? 0.0f : *share;
        shared_step.count = (u32)count;
        shared_step.place = (u32)group.place[tensor];
    }

    __syncthreads();
    Step step = shared_step;
    u16* narrow = group.narrow[tensor];
    float* master = group.master[tensor];
    float* first = (float*)group.first[tensor];
    float* second = (float*)group.second[tensor];
    u16* narrow_first = (u16*)group.first[tensor];
    u16* narrow_second = (u16*)group.second[tensor];
    const u16* narrow_gradient = (const u16*)group.gradient[tensor];
    const float* wide_gradient = (const float*)group.gradient[tensor];
    float* average = group.average[tensor];
    int begin = ((int)blockIdx.x - group.start[tensor]) * group.span;
    int end = min(group.elements[tensor], begin + group.span);
    if (group.gradient[tensor] == 0)
    {
        // A weight that stays as it is in this step: its average alone follows.
        for (int i = begin + threadIdx.x; i < end; i += blockDim.x)
        {
            average[i] += step.share * (master[i] - average[i]);
        }

        return;
    }

    for (int at = begin + threadIdx.x * 4; at < end; at += blockDim.x * 4)
    {
        if (at + 4 <= end)
        {
            float4 w = *reinterpret_cast<const float4*>(master + at);
            float4 m = group.narrow_moments ? widened(*reinterpret_cast<const uint2*>(narrow_first + at))
                                            : *reinterpret_cast<const float4*>(first + at);
            float4 v = group.narrow_moments ? widened(*reinterpret_cast<const uint2*>(narrow_second + at))
                                            : *reinterpret_cast<const float4*>(second + at);
            float4 g = group.wide ? *reinterpret_cast<const float4*>(wide_gradient + at)
                                  : widened(*reinterpret_cast<const uint2*>(narrow_gradient + at));

            w.x = advance(step, g.x, w.x, m.x, v.x);
            w.y = advance(step, g.y, w.y, m.y, v.y);
            w.z = advance(step, g.z, w.z, m.z, v.z);
            w.w = advance(step, g.w, w.w, m.w, v.w);
            *reinterpret_cast<float4*>(master + at) = w;
            if (group.narrow_moments)
            {
                uint4 draw = philox(seed, (u32)at / 4, step.place, step.count, 0);
                *reinterpret_cast<uint2*>(narrow_first + at) = make_uint2(
                    rounded(m.x, draw.x) | rounded(m.y, draw.y) << 16,
                    rounded(m.z, draw.z) | rounded(m.w, draw.w) << 16);
                *reinterpret_cast<uint2*>(narrow_second + at) = make_uint2(
                    rounded(v.x, draw.x >> 16) | rounded(v.y, draw.y >> 16) << 16,
                    rounded(v.z, draw.z >> 16) | rounded(v.w, draw.w >> 16) << 16);
            }
            else
            {
                *reinterpret_cast<float4*>(first + at) = m;
                *reinterpret_cast<float4*>(second + at) = v;
            }

            if (average != 0)
            {
                float4 a = *reinterpret_cast<const float4*>(average + at);
                a.x += step.share * (w.x - a.x);
                a.y += step.share * (w.y - a.y);
                a.z += step.share * (w.z - a.z);
                a.w += step.share * (w.w - a.w);
                *reinterpret_cast<float4*>(average + at) = a;
            }

            if (narrow != 0)
            {
                uint2 pairs;
                pairs.x = pack2(w.x, w.y);
                pairs.y = pack2(w.z, w.w);
                *reinterpret_cast<uint2*>(narrow + at) = pairs;
            }
        }
        else
        {
            uint4 draw = philox(seed, (u32)at / 4, step.place, step.count, 0);
            u32 draws[4] = {draw.x, draw.y, draw.z, draw.w};
            for (int i = at; i < end; i++)
            {
                float g = group.wide ? wide_gradient[i] : __uint_as_float((u32)narrow_gradient[i] << 16);
                float m = group.narrow_moments ? __uint_as_float((u32)narrow_first[i] << 16) : first[i];
                float v = group.narrow_moments ? __uint_as_float((u32)narrow_second[i] << 16) : second[i];
                float w = advance(step, g, master[i], m, v);
                master[i] = w;
                if (group.narrow_moments)
                {
                    narrow_first[i] = (u16)rounded(m, draws[i - at]);
                    narrow_second[i] = (u16)rounded(v, draws[i - at] >> 16);
                }
                else
                {
                    first[i] = m;
                    second[i] = v;
                }

                if (average != 0)
                {
                    average[i] += step.share * (w - average[i]);
                }

                if (narrow != 0)
                {
                    narrow[i] = (u16)pack2(w, 0.0f);
                }
            }
        }
    }
}
