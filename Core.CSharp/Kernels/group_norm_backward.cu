// The gradient of group_norm.cu's group_norm_moments and group_norm_apply, in two launches of the same shape.

// The gradient before the activation, from that after it.
__device__ __forceinline__ float before_silu(float z, float gradient)
{
    float s = 1.0f / (1.0f + __expf(-z));
    return gradient * s * (1.0f + z * (1.0f - s));
}

// Sums of dz and dz * xhat of each chunk: of each channel for the weights' gradients, of each group, weighted, for x's.
extern "C" __global__ void group_norm_backward_sums(
    const u16* __restrict__ x,
    const u16* bias,
    const u16* shift,
    const u16* weight,
    const u16* offset,
    const float2* moments,
    const u16* __restrict__ dy,
    float2* of_groups,
    float2* of_channels,
    float2* means,
    u32* counters,
    int pixels,
    int groups,
    int rows,
    int activate)
{
    extern __shared__ float shared[];
    int channels = blockDim.x * 8;
    int width = channels / groups;
    int first = threadIdx.x * 8;
    int begin = blockIdx.x * rows;
    int end = min(pixels, begin + rows);
    long start = (long)blockIdx.y * pixels * channels + first;
    long chunk = (long)blockIdx.y * gridDim.x + blockIdx.x;
    float* sums = shared;
    float* products = shared + blockDim.y * channels;

    float scale[8], base[8], inverse[8], centre[8], added[8], shifted[8], value[8], gradient[8], sum[8], product[8];
    load8(weight + first, scale);
    load8(offset + first, base);
    load8or0(bias, first, added);
    load8or0(shift, (long)blockIdx.y * channels + first, shifted);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        float2 moment = moments[blockIdx.y * groups + (first + i) / width];
        inverse[i] = moment.y;
        centre[i] = (added[i] + shifted[i] - moment.x) * moment.y;
        sum[i] = 0.0f;
        product[i] = 0.0f;
    }

#pragma unroll 4
    for (int row = begin + threadIdx.y; row < end; row += blockDim.y)
    {
        load8(x + start + (long)row * channels, value);
        load8(dy + start + (long)row * channels, gradient);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float xhat = fmaf(value[i], inverse[i], centre[i]);
            float dz = activate ? before_silu(fmaf(xhat, scale[i], base[i]), gradient[i]) : gradient[i];
            sum[i] += dz;
            product[i] = fmaf(dz, xhat, product[i]);
        }
    }

#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        sums[threadIdx.y * channels + first + i] = sum[i];
        products[threadIdx.y * channels + first + i] = product[i];
    }

    __syncthreads();
    for (int channel = thread_index(); channel < channels; channel += blockDim.x * blockDim.y)
    {
        float s = 0.0f, p = 0.0f;
        for (int row = 0; row < blockDim.y; row++)
        {
            s += sums[row * channels + channel];
            p += products[row * channels + channel];
        }

        if (of_channels != 0)
        {
            of_channels[chunk * channels + channel] = make_float2(s, p);
        }

        float factor = load1or0(weight, channel);
        sums[channel] = s * factor;
        products[channel] = p * factor;
    }

    __syncthreads();
    int lane = thread_index() % 8;
    for (int group = thread_index() / 8; group < (groups + 3) / 4 * 4; group += blockDim.x * blockDim.y / 8)
    {
        bool real = group < groups;
        float s = 0.0f, p = 0.0f;
        for (int i = lane; i < width; i += 8)
        {
            s += real ? sums[group * width + i] : 0.0f;
            p += real ? products[group * width + i] : 0.0f;
        }

        s = sum_over(s, 8);
        p = sum_over(p, 8);
        if (real && lane == 0)
        {
            of_groups[chunk * groups + group] = make_float2(s, p);
        }
    }

    if (!is_last_block(counters))
    {
        return;
    }

    const float2* parts = of_groups + (long)blockIdx.y * gridDim.x * groups;
    int chunks = gridDim.x;
    float share = 1.0f / ((float)pixels * width);
    for (int group = thread_index() / 8; group < (groups + 3) / 4 * 4; group += blockDim.x * blockDim.y / 8)
    {
        bool real = group < groups;
        float s = 0.0f, p = 0.0f;
        for (int base = lane; base < chunks; base += 8 * BATCH)
        {
#pragma unroll
            for (int i = 0; i < BATCH; i++)
            {
                int chunk = base + 8 * i;
                float2 part = real && chunk < chunks ? written(parts + chunk * groups + group)
                                                     : make_float2(0.0f, 0.0f);
                s += part.x;
                p += part.y;
            }
        }

        s = sum_over(s, 8);
        p = sum_over(p, 8);
        if (real && lane == 0)
        {
            means[blockIdx.y * groups + group] = make_float2(s * share, p * share);
        }
    }
}

// dx = (dz * weight - mean(dz * weight) - xhat * mean(dz * weight * xhat)) / deviation
extern "C" __global__ void group_norm_backward_apply(
    const u16* __restrict__ x,
    const u16* bias,
    const u16* shift,
    const u16* weight,
    const u16* offset,
    const float2* moments,
    const u16* __restrict__ dy,
    const float2* means,
    u16* __restrict__ dx,
    int pixels,
    int groups,
    int activate)
{
    int channels = blockDim.x * 8;
    int width = channels / groups;
    int first = threadIdx.x * 8;
    int apply_rows = (pixels + gridDim.x - 1) / gridDim.x;
    long start = (long)blockIdx.y * pixels * channels + first;
    float scale[8], base[8], inverse[8], centre[8], added[8], shifted[8], value[8], gradient[8];
    float2 average[8];
    load8(weight + first, scale);
    load8(offset + first, base);
    load8or0(bias, first, added);
    load8or0(shift, (long)blockIdx.y * channels + first, shifted);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        float2 moment = moments[blockIdx.y * groups + (first + i) / width];
        inverse[i] = moment.y;
        centre[i] = (added[i] + shifted[i] - moment.x) * moment.y;
        average[i] = means[blockIdx.y * groups + (first + i) / width];
    }

    int end = min(pixels, (int)(blockIdx.x + 1) * apply_rows);
#pragma unroll 4
    for (int row = blockIdx.x * apply_rows + threadIdx.y; row < end; row += blockDim.y)
    {
        load8(x + start + (long)row * channels, value);
        load8(dy + start + (long)row * channels, gradient);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float xhat = fmaf(value[i], inverse[i], centre[i]);
            float dz = activate ? before_silu(fmaf(xhat, scale[i], base[i]), gradient[i]) : gradient[i];
            float2 mean = average[i];
            value[i] = inverse[i] * (dz * scale[i] - mean.x - xhat * mean.y);
        }

        store8(dx + start + (long)row * channels, value);
    }
}
