// Prodigy over many tensors at once (Mishchenko and Defazio, arXiv 2306.06101), in three parts that follow one another:
// gather takes the gradients in and sums what the distance is estimated by, estimate adds the blocks' sums up and moves
// the estimate, and move moves the weights, their running averages and the bfloat16 weights. Sums are double and are
// added in a fixed order, so that equal steps give equal bits.

typedef Group<48, 4> GatherGroup;
typedef Group<64, 2> MoveGroup;

// The first four are what a checkpoint keeps; the last two are said by estimate to move.
struct Numbers
{
    double distance;
    double greatest;
    double numerator;
    double steps;
    double step;
    double moves;
};

struct GatherStep
{
    float factor;
    float beta1;
    float beta2;
    float decay;
    float first;
    float second;
    float sum;
};

struct MoveStep
{
    float step;
    float kept;
    float epsilon;
    float share;
    bool moves;
};

__device__ __forceinline__ double prodigy_step(
    const Numbers* numbers, double rate, double beta1, double beta2, int corrected)
{
    double count = numbers->steps + 1.0;
    double correction = corrected ? sqrt(1.0 - pow(beta2, count)) / (1.0 - pow(beta1, count)) : 1.0;
    return numbers->distance * rate * correction;
}

// All threads' values, added in the same order at every launch; all threads of a block call it.
__device__ __forceinline__ double block_sum(double value)
{
    __shared__ double warps[32];
    for (int mask = 16; mask > 0; mask /= 2)
    {
        value += __shfl_xor_sync(0xffffffffu, value, mask);
    }

    // Another sum may still be read.
    __syncthreads();
    if (threadIdx.x % 32 == 0)
    {
        warps[threadIdx.x / 32] = value;
    }

    __syncthreads();
    double sum = 0.0;
    for (int warp = 0; warp < (int)blockDim.x / 32; warp++)
    {
        sum += warps[warp];
    }

    return sum;
}

__device__ __forceinline__ void gather(
    const GatherStep& step,
    float gradient,
    float weight,
    float start,
    float& first,
    float& second,
    float& sum,
    double& along,
    double& length)
{
    float g = gradient * step.factor;
    along += (double)(g * (start - weight));
    first = step.beta1 * first + step.first * g;
    second = step.beta2 * second + step.second * g * g;
    sum = step.decay * sum + step.sum * g;
    length += (double)fabsf(sum);
}

template <bool Whole>
__device__ __forceinline__ void gather4(
    const GatherGroup& group, const GatherStep& step, int tensor, int at, int end, double& along, double& length)
{
    const float* start = (const float*)group.state[0][tensor];
    float* first = (float*)group.state[1][tensor];
    float* second = (float*)group.state[2][tensor];
    float* sum = (float*)group.state[3][tensor];
    float4 w = load4<Whole>(group.master[tensor], at, end);
    float4 b = load4<Whole>(start, at, end);
    float4 m = load4<Whole>(first, at, end);
    float4 v = load4<Whole>(second, at, end);
    float4 s = load4<Whole>(sum, at, end);
    float4 g = load4<Whole>(group.gradient[tensor], group.wide, at, end);
    gather(step, g.x, w.x, b.x, m.x, v.x, s.x, along, length);
    gather(step, g.y, w.y, b.y, m.y, v.y, s.y, along, length);
    gather(step, g.z, w.z, b.z, m.z, v.z, s.z, along, length);
    gather(step, g.w, w.w, b.w, m.w, v.w, s.w, along, length);
    store4<Whole>(first, at, end, m);
    store4<Whole>(second, at, end, v);
    store4<Whole>(sum, at, end, s);
}

// Each block's two sums go to its own place in partials; before is how many blocks earlier launches had.
extern "C" __global__ void prodigy_gather(
    GatherGroup group,
    const Numbers* numbers,
    const double* rate,
    const float* norm,
    double* partials,
    int before,
    float limit,
    double beta1,
    double beta2,
    double first_distance,
    int corrected,
    int safeguarded)
{
    __shared__ GatherStep shared_step;
    if (!(*rate > 0.0))
    {
        return;
    }

    Share block = share_of(group);
    if (threadIdx.x == 0)
    {
        double distance = numbers->distance;
        double weight = safeguarded ? distance : prodigy_step(numbers, *rate, beta1, beta2, corrected);
        shared_step.factor = clipping(norm, limit);
        shared_step.beta1 = (float)beta1;
        shared_step.beta2 = (float)beta2;
        shared_step.decay = (float)sqrt(beta2);
        shared_step.first = (float)(distance * (1.0 - beta1));
        shared_step.second = (float)(distance * distance * (1.0 - beta2));
        shared_step.sum = (float)(distance / first_distance * weight);
    }

    __syncthreads();
    GatherStep step = shared_step;
    double along = 0.0, length = 0.0;
    for (int at = block.begin + threadIdx.x * 4; at < block.end; at += blockDim.x * 4)
    {
        if (at + 4 <= block.end)
        {
            gather4<true>(group, step, block.tensor, at, block.end, along, length);
        }
        else
        {
            gather4<false>(group, step, block.tensor, at, block.end, along, length);
        }
    }

    along = block_sum(along);
    length = block_sum(length);
    if (threadIdx.x == 0)
    {
        partials[2 * (before + (int)blockIdx.x)] = along;
        partials[2 * (before + (int)blockIdx.x) + 1] = length;
    }
}

// One block. Without a rate the estimate stays; where all gradients have been zero nothing moves, nor is a step counted.
extern "C" __global__ void prodigy_estimate(
    Numbers* numbers,
    const double* rate,
    const double* partials,
    int blocks,
    float* figure,
    double beta1,
    double beta2,
    double first_distance,
    double distance_factor,
    int corrected)
{
    double along = 0.0, length = 0.0;
    if (*rate > 0.0)
    {
        for (int i = threadIdx.x; i < blocks; i += blockDim.x)
        {
            along += partials[2 * i];
            length += partials[2 * i + 1];
        }
    }

    along = block_sum(along);
    length = block_sum(length);
    if (threadIdx.x != 0)
    {
        return;
    }

    double distance = numbers->distance;
    double step = prodigy_step(numbers, *rate, beta1, beta2, corrected);
    bool moves = !(*rate > 0.0) || length != 0.0;
    if (*rate > 0.0 && moves)
    {
        double numerator = numbers->numerator * sqrt(beta2) + distance / first_distance * step * along;
        double estimate = distance_factor * numerator / length;
        double greatest = numbers->greatest;

        // What is not a number stays so, to be seen.
        greatest = estimate > greatest || estimate != estimate ? estimate : greatest;
        numbers->numerator = numerator;
        numbers->greatest = greatest;
        numbers->distance = greatest;
    }

    numbers->step = step;
    numbers->moves = moves ? 1.0 : 0.0;
    numbers->steps += moves ? 1.0 : 0.0;
    *figure = (float)numbers->distance;
}

__device__ __forceinline__ float moved(const MoveStep& step, float weight, float first, float second)
{
    return step.moves ? step.kept * weight - step.step * (first / (sqrtf(second) + step.epsilon)) : weight;
}

template <bool Whole>
__device__ __forceinline__ void move4(const MoveGroup& group, const MoveStep& step, int tensor, int at, int end)
{
    float4 w = load4<Whole>(group.master[tensor], at, end);
    float4 m = load4<Whole>((const float*)group.state[0][tensor], at, end);
    float4 v = load4<Whole>((const float*)group.state[1][tensor], at, end);
    w.x = moved(step, w.x, m.x, v.x);
    w.y = moved(step, w.y, m.y, v.y);
    w.z = moved(step, w.z, m.z, v.z);
    w.w = moved(step, w.w, m.w, v.w);
    keep4<Whole>(group, tensor, at, end, w, step.share);
}

// The step is that of the distance before this step's estimate, as published; epsilon goes with the new one.
extern "C" __global__ void prodigy_move(
    MoveGroup group, const Numbers* numbers, const float* share, double decay, double epsilon)
{
    __shared__ MoveStep shared_step;
    Share block = share_of(group);
    if (threadIdx.x == 0)
    {
        shared_step.step = (float)numbers->step;
        shared_step.kept = (float)(1.0 - numbers->step * decay);
        shared_step.epsilon = (float)(numbers->distance * epsilon);
        shared_step.share = share == 0 ? 0.0f : *share;
        shared_step.moves = numbers->moves != 0.0;
    }

    __syncthreads();
    MoveStep step = shared_step;
    if (group.gradient[block.tensor] == 0)
    {
        follow(group, block, step.share);
        return;
    }

    for (int at = block.begin + threadIdx.x * 4; at < block.end; at += blockDim.x * 4)
    {
        if (at + 4 <= block.end)
        {
            move4<true>(group, step, block.tensor, at, block.end);
        }
        else
        {
            move4<false>(group, step, block.tensor, at, block.end);
        }
    }
}
