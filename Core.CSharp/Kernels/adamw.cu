// AdamW over many tensors at once, with the gradients' clipping and the conversion to bfloat16 weights in the same
// pass over memory. Tensors lie in the kernel's parameters, so that a recorded graph keeps them.

#define TENSORS 64
#define SPAN 16384

struct Group
{
    u16* narrow[TENSORS];
    float* master[TENSORS];
    const void* gradient[TENSORS];
    float* first[TENSORS];
    float* second[TENSORS];
    const float* count[TENSORS];
    int elements[TENSORS];
    int start[TENSORS];
    int tensors;
    int wide;
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
};

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
    }

    __syncthreads();
    Step step = shared_step;
    u16* narrow = group.narrow[tensor];
    float* master = group.master[tensor];
    float* first = group.first[tensor];
    float* second = group.second[tensor];
    const u16* narrow_gradient = (const u16*)group.gradient[tensor];
    const float* wide_gradient = (const float*)group.gradient[tensor];
    int begin = ((int)blockIdx.x - group.start[tensor]) * SPAN;
    int end = min(group.elements[tensor], begin + SPAN);
    for (int at = begin + threadIdx.x * 4; at < end; at += blockDim.x * 4)
    {
        if (at + 4 <= end)
        {
            float4 w = *reinterpret_cast<const float4*>(master + at);
            float4 m = *reinterpret_cast<const float4*>(first + at);
            float4 v = *reinterpret_cast<const float4*>(second + at);
            float4 g;
            if (group.wide)
            {
                g = *reinterpret_cast<const float4*>(wide_gradient + at);
            }
            else
            {
                uint2 pairs = *reinterpret_cast<const uint2*>(narrow_gradient + at);
                g.x = __uint_as_float(pairs.x << 16);
                g.y = __uint_as_float(pairs.x & 0xffff0000u);
                g.z = __uint_as_float(pairs.y << 16);
                g.w = __uint_as_float(pairs.y & 0xffff0000u);
            }

            w.x = advance(step, g.x, w.x, m.x, v.x);
            w.y = advance(step, g.y, w.y, m.y, v.y);
            w.z = advance(step, g.z, w.z, m.z, v.z);
            w.w = advance(step, g.w, w.w, m.w, v.w);
            *reinterpret_cast<float4*>(master + at) = w;
            *reinterpret_cast<float4*>(first + at) = m;
            *reinterpret_cast<float4*>(second + at) = v;
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
                float w = advance(step, g, master[i], first[i], second[i]);
                master[i] = w;
                if (narrow != 0)
                {
                    narrow[i] = (u16)pack2(w, 0.0f);
                }
            }
        }
    }
}
