// Group normalisation, optionally with SiLU, of channels-last pictures x [n, pixels, channels] in bfloat16. What is
// normalised is x + bias[channel] + shift[n, channel]; both may be absent.
//
// A block has channels/8 columns of threads, each of which keeps its eight channels, and some rows; blockDim.x * .y is
// a multiple of 32. grid.x counts chunks of `rows` pixels, grid.y pictures. Sums go through per-chunk partial results,
// which the last block of a picture adds up in a fixed order, so that equal inputs give equal outputs.

__device__ __forceinline__ int thread_index()
{
    return threadIdx.y * blockDim.x + threadIdx.x;
}

// Whether this is the last block of its picture to come here; all of the others' partial results can then be read. The
// counter is left at 0 for the next launch.
__device__ __forceinline__ bool is_last_block(u32* counters)
{
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (thread_index() == 0)
    {
        last = atomicAdd(counters + blockIdx.y, 1u) == gridDim.x - 1;
        if (last)
        {
            counters[blockIdx.y] = 0;
        }
    }

    __syncthreads();
    __threadfence();
    return last;
}

// What another block of the same launch wrote, past any cache that does not know of it.
__device__ __forceinline__ float2 written(const float2* from)
{
    const volatile float* pair = reinterpret_cast<const volatile float*>(from);
    float first = pair[0];
    float second = pair[1];
    return make_float2(first, second);
}

// Loads in flight at once of each of the eight threads that merge a group's chunks.
#define BATCH 16

// Mean and 1/deviation of each group from the chunks' means and sums of squared deviations (Chan et al. 1979).
__device__ __forceinline__ void merge_moments(
    const float2* partial, float2* merged, int pixels, int width, int groups, int rows, int chunks, float eps)
{
    int lane = thread_index() % 8;
    for (int group = thread_index() / 8; group < (groups + 3) / 4 * 4; group += blockDim.x * blockDim.y / 8)
    {
        bool real = group < groups;
        float count = 0.0f, mean = 0.0f, squares = 0.0f;
        for (int base = lane; base < chunks; base += 8 * BATCH)
        {
            float2 part[BATCH];
#pragma unroll
            for (int i = 0; i < BATCH; i++)
            {
                int chunk = base + 8 * i;
                part[i] = real && chunk < chunks ? written(partial + chunk * groups + group) : make_float2(0.0f, 0.0f);
            }

#pragma unroll
            for (int i = 0; i < BATCH; i++)
            {
                int chunk = base + 8 * i;
                float more = chunk < chunks ? (float)min(rows, pixels - chunk * rows) * width : 0.0f;
                float total = count + more;
                float share = total > 0.0f ? more / total : 0.0f;
                float apart = part[i].x - mean;
                squares += part[i].y + apart * apart * count * share;
                mean += apart * share;
                count = total;
            }
        }

        for (int mask = 4; mask > 0; mask /= 2)
        {
            float more = __shfl_xor_sync(0xffffffffu, count, mask);
            float other = __shfl_xor_sync(0xffffffffu, mean, mask);
            squares += __shfl_xor_sync(0xffffffffu, squares, mask);
            float total = count + more;
            float share = total > 0.0f ? more / total : 0.0f;
            float apart = other - mean;
            squares += apart * apart * count * share;
            mean += apart * share;
            count = total;
        }

        if (real && lane == 0)
        {
            merged[group] = make_float2(mean, rsqrtf(squares / ((float)pixels * width) + eps));
        }
    }
}

extern "C" __global__ void group_norm_moments(
    const u16* __restrict__ x,
    const u16* bias,
    const u16* shift,
    float2* partial,
    float2* moments,
    u32* counters,
    int pixels,
    int groups,
    int rows,
    float eps)
{
    extern __shared__ float shared[];
    int channels = blockDim.x * 8;
    int width = channels / groups;
    int first = threadIdx.x * 8;
    int begin = blockIdx.x * rows;
    int end = min(pixels, begin + rows);
    const u16* picture = x + (long)blockIdx.y * pixels * channels + first;
    float* sums = shared;
    float* squares = shared + blockDim.y * channels;

    // Deviations from the first pixel, so that a large mean does not swallow the variance.
    float pivot[8], sum[8], square[8], value[8];
    load8(picture, pivot);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        sum[i] = 0.0f;
        square[i] = 0.0f;
    }

#pragma unroll 4
    for (int row = begin + threadIdx.y; row < end; row += blockDim.y)
    {
        load8(picture + (long)row * channels, value);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float d = value[i] - pivot[i];
            sum[i] += d;
            square[i] += d * d;
        }
    }

#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        sums[threadIdx.y * channels + first + i] = sum[i];
        squares[threadIdx.y * channels + first + i] = square[i];
    }

    __syncthreads();
    float count = (float)(end - begin);
    const u16* corner = x + (long)blockIdx.y * pixels * channels;
    for (int channel = thread_index(); channel < channels; channel += blockDim.x * blockDim.y)
    {
        float s = 0.0f, q = 0.0f;
        for (int row = 0; row < blockDim.y; row++)
        {
            s += sums[row * channels + channel];
            q += squares[row * channels + channel];
        }

        float added = load1or0(bias, channel) + load1or0(shift, (long)blockIdx.y * channels + channel);
        sums[channel] = load1or0(corner, channel) + added + s / count;
        squares[channel] = q - s * s / count;
    }

    __syncthreads();
    int lane = thread_index() % 8;
    for (int group = thread_index() / 8; group < (groups + 3) / 4 * 4; group += blockDim.x * blockDim.y / 8)
    {
        bool real = group < groups;
        float total = 0.0f;
        for (int i = lane; i < width; i += 8)
        {
            total += real ? sums[group * width + i] : 0.0f;
        }

        float mean = sum_over(total, 8) / width;
        float deviation = 0.0f;
        for (int i = lane; i < width; i += 8)
        {
            float d = real ? sums[group * width + i] - mean : 0.0f;
            deviation += (real ? squares[group * width + i] : 0.0f) + count * d * d;
        }

        deviation = sum_over(deviation, 8);
        if (real && lane == 0)
        {
            partial[((long)blockIdx.y * gridDim.x + blockIdx.x) * groups + group] = make_float2(mean, deviation);
        }
    }

    if (is_last_block(counters))
    {
        merge_moments(
            partial + (long)blockIdx.y * gridDim.x * groups,
            moments + blockIdx.y * groups,
            pixels,
            width,
            groups,
            rows,
            gridDim.x,
            eps);
    }
}

// y = act(scale * x + offset) of each channel.
extern "C" __global__ void group_norm_apply(
    const u16* __restrict__ x,
    const u16* bias,
    const u16* shift,
    const u16* weight,
    const u16* offset,
    const float2* moments,
    u16* __restrict__ y,
    int pixels,
    int groups,
    int activate)
{
    int channels = blockDim.x * 8;
    int width = channels / groups;
    int first = threadIdx.x * 8;
    int apply_rows = (pixels + gridDim.x - 1) / gridDim.x;
    float scale[8], base[8], added[8], shifted[8], value[8];
    load8(weight + first, scale);
    load8(offset + first, base);
    load8or0(bias, first, added);
    load8or0(shift, (long)blockIdx.y * channels + first, shifted);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        float2 moment = moments[blockIdx.y * groups + (first + i) / width];
        scale[i] *= moment.y;
        base[i] += (added[i] + shifted[i] - moment.x) * scale[i];
    }

    long start = (long)blockIdx.y * pixels * channels + first;
    int end = min(pixels, (int)(blockIdx.x + 1) * apply_rows);
#pragma unroll 4
    for (int row = blockIdx.x * apply_rows + threadIdx.y; row < end; row += blockDim.y)
    {
        load8(x + start + (long)row * channels, value);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float z = fmaf(value[i], scale[i], base[i]);
            value[i] = activate ? z / (1.0f + __expf(-z)) : z;
        }

        store8(y + start + (long)row * channels, value);
    }
}
