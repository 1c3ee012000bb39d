// A step of a sampler with the guidance before it, and what the network is told next: one thread an element of the
// latents. Row r of the table holds the step's matrix [slots, slots + 2], whose columns weigh the slots, the network's
// answer and new noise, then the factor of the next input, then the next timestep. A table's row is the host's
// StepTable.cs; the same in plain operations is in SamplerKernel.cs.

#define MOST_SLOTS 8

__device__ __forceinline__ float answer_at(const u16* narrow, const float* wide, long at)
{
    return narrow != 0 ? __uint_as_float((u32)narrow[at] << 16) : wide[at];
}

// The network's answer is bfloat16 or float32, [images or 2 images, channels, pixels] in any layout of these strides;
// its second half, where guided, are the predictions for prompts. slots [number, count], fresh [count] and the input,
// bfloat16 or float32, [copies, count] follow images, channels, pixels. The row moves on by one.
extern "C" __global__ void sampler_step(
    const u16* narrow_answer,
    const float* wide_answer,
    long image_stride,
    long channel_stride,
    long pixel_stride,
    int guided,
    float guidance,
    const float* table,
    long* row,
    const float* fresh,
    float* slots,
    u16* narrow_input,
    float* wide_input,
    float* timestep,
    u32* counter,
    long images,
    long channels,
    long pixels,
    int number,
    int copies)
{
    long count = images * channels * pixels;
    long at = (long)blockIdx.x * blockDim.x + threadIdx.x;
    long now = *row;
    int width = number * (number + 2) + 2;
    const float* step = table + now * width;
    if (at < count)
    {
        long plane = at / pixels;
        long image = plane / channels;
        long from =
            image * image_stride + (plane - image * channels) * channel_stride + (at - plane * pixels) * pixel_stride;
        float answer = answer_at(narrow_answer, wide_answer, from);
        if (guided)
        {
            float led = answer_at(narrow_answer, wide_answer, from + images * image_stride);
            answer += guidance * (led - answer);
        }

        float noise = fresh[at];
        float before[MOST_SLOTS];
#pragma unroll
        for (int i = 0; i < MOST_SLOTS; i++)
        {
            before[i] = i < number ? slots[i * count + at] : 0.0f;
        }

        float sample = 0.0f;
#pragma unroll
        for (int i = 0; i < MOST_SLOTS; i++)
        {
            if (i < number)
            {
                const float* weights = step + i * (number + 2);
                float sum = weights[number] * answer + weights[number + 1] * noise;
#pragma unroll
                for (int j = 0; j < MOST_SLOTS; j++)
                {
                    if (j < number)
                    {
                        sum += weights[j] * before[j];
                    }
                }

                slots[i * count + at] = sum;
                if (i == 0)
                {
                    sample = sum;
                }
            }
        }

        float input = sample * step[width - 2];
        for (int copy = 0; copy < copies; copy++)
        {
            if (narrow_input != 0)
            {
                narrow_input[copy * count + at] = (u16)pack2(input, 0.0f);
            }
            else
            {
                wide_input[copy * count + at] = input;
            }
        }
    }

    // The last block to come here, when all have read the row. The counter is left at 0 for the next launch.
    float next = step[width - 1];
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && atomicAdd(counter, 1u) == gridDim.x - 1)
    {
        *counter = 0;
        *timestep = next;
        *row = now + 1;
    }
}
