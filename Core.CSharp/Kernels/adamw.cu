// AdamW over many tensors at once, with the gradients' clipping and the conversion to bfloat16 weights in the same
// pass over memory. Tensors lie in the kernel's parameters, so that a recorded graph keeps them. Moments in bfloat16 are
// rounded up or down at random, drawn from the step's number and the element's place: a step changes the second moment
// by 1/1000, which rounding to the nearest of bfloat16's 1/256 would lose (Gupta et al. 2015, arXiv 1502.02551).

#define TENSORS 64
#define SPAN 16384

struct Group
{
    u16* narrow[TENSORS];
    float* master[TENSORS];
    const void* gradient[TENSORS];
    void* first[TENSORS];
    void* second[TENSORS];
    const float* count[TENSORS];
    int elements[TENSORS];
    int start[TENSORS];
    int tensors;
    int wide;
    int narrow_moments;
    int number;
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
    u32 seed;
};

__device__ __forceinline__ u32 mix(u32 x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

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
    const float* rate,
    const float* norm,
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
        double count = *group.count[tensor];
        shared_step.rate = *rate;
        shared_step.factor = norm == 0 ? 1.0f : fminf(1.0f, limit / (*norm + 1e-6f));
        shared_step.beta1 = beta1;
        shared_step.beta2 = beta2;
        shared_step.decay = decay;
        shared_step.epsilon = epsilon;
        shared_step.correction1 = (float)(1.0 - pow((double)beta1, count));
        shared_step.root2 = (float)sqrt(1.0 - pow((double)beta2, count));
        shared_step.seed = mix((u32)count * 0x9e3779b9u + (u32)(group.number * TENSORS + tensor));
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
    int begin = ((int)blockIdx.x - group.start[tensor]) * SPAN;
    int end = min(group.elements[tensor], begin + SPAN);
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
                u32 x = mix(step.seed + at), y = mix(step.seed + at + 1);
                u32 z = mix(step.seed + at + 2), t = mix(step.seed + at + 3);
                *reinterpret_cast<uint2*>(narrow_first + at) =
                    make_uint2(rounded(m.x, x) | rounded(m.y, y) << 16, rounded(m.z, z) | rounded(m.w, t) << 16);
                *reinterpret_cast<uint2*>(narrow_second + at) = make_uint2(
                    rounded(v.x, x >> 16) | rounded(v.y, y >> 16) << 16,
                    rounded(v.z, z >> 16) | rounded(v.w, t >> 16) << 16);
            }
            else
            {
                *reinterpret_cast<float4*>(first + at) = m;
                *reinterpret_cast<float4*>(second + at) = v;
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
            for (int i = at; i < end; i++)
            {
                float g = group.wide ? wide_gradient[i] : __uint_as_float((u32)narrow_gradient[i] << 16);
                float m = group.narrow_moments ? __uint_as_float((u32)narrow_first[i] << 16) : first[i];
                float v = group.narrow_moments ? __uint_as_float((u32)narrow_second[i] << 16) : second[i];
                float w = advance(step, g, master[i], m, v);
                master[i] = w;
                if (group.narrow_moments)
                {
                    u32 draw = mix(step.seed + i);
                    narrow_first[i] = (u16)rounded(m, draw);
                    narrow_second[i] = (u16)rounded(v, draw >> 16);
                }
                else
                {
                    first[i] = m;
                    second[i] = v;
                }

                if (narrow != 0)
                {
                    narrow[i] = (u16)pack2(w, 0.0f);
                }
            }
        }
    }
}
