namespace Recipes.Core.Schedules;

/// <summary>All samplers, by the name of their scheduler in diffusers and by the names people know them by.</summary>
public static class Samplers
{
    private static readonly Dictionary<string, Func<SchedulerConfig, ISampler>> Classes = new()
    {
        ["DDPMScheduler"] = config => new DdpmSampler(config),
        ["DDIMScheduler"] = config => new DdimSampler(config),
        ["PNDMScheduler"] = config => new PndmSampler(config),
        ["EulerDiscreteScheduler"] = config => new EulerSampler(config),
        ["EulerAncestralDiscreteScheduler"] = config => new EulerAncestralSampler(config),
        ["HeunDiscreteScheduler"] = config => new HeunSampler(config),
        ["DPMSolverMultistepScheduler"] = config => new DpmSolverSampler(config),
        ["UniPCMultistepScheduler"] = config => new UniPcSampler(config),
        ["LCMScheduler"] = config => new LcmSampler(config),
    };

    private static readonly Dictionary<string, Func<SchedulerConfig, SchedulerConfig>> Known = new()
    {
        ["ddim"] = config => config with { ClassName = "DDIMScheduler" },
        ["ddpm"] = config => config with { ClassName = "DDPMScheduler" },
        // Without its Runge-Kutta steps where the model does not ask for them, as all Stable Diffusion models have it.
        ["pndm"] = config => config with
        {
            ClassName = "PNDMScheduler",
            Solver = config.Solver with { SkipPrkSteps = config.Solver.SkipPrkSteps ?? true },
        },
        ["euler"] = config => config with { ClassName = "EulerDiscreteScheduler" },
        ["euler-karras"] = config => Karras(config with { ClassName = "EulerDiscreteScheduler" }),
        ["euler-a"] = config => config with { ClassName = "EulerAncestralDiscreteScheduler" },
        ["heun"] = config => config with { ClassName = "HeunDiscreteScheduler" },
        ["heun-karras"] = config => Karras(config with { ClassName = "HeunDiscreteScheduler" }),
        ["dpm++2m"] = config => DpmPlusPlus(config, false),
        ["dpm++2m-karras"] = config => Karras(DpmPlusPlus(config, false)),
        ["dpm++2m-sde"] = config => DpmPlusPlus(config, true),
        ["dpm++2m-sde-karras"] = config => Karras(DpmPlusPlus(config, true)),
        ["unipc"] = config => config with { ClassName = "UniPCMultistepScheduler" },
        ["unipc-karras"] = config => Karras(config with { ClassName = "UniPCMultistepScheduler" }),
        ["lcm"] = config => config with { ClassName = "LCMScheduler" },
    };

    /// <summary>The names of <see cref="Named"/>, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Known.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The sampler that a scheduler_config.json asks for.</summary>
    /// <exception cref="RecipesException">There is no such sampler, or its settings do not go together.</exception>
    public static ISampler From(SchedulerConfig config) =>
        Classes.TryGetValue(config.ClassName, out var create)
            ? create(config)
            : throw new RecipesException(
                config.Where,
                $"\"_class_name\" is \"{config.ClassName}\", a scheduler that is not supported",
                $"Choose a sampler by name: {string.Join(", ", Names)}.");

    /// <summary>
    /// Refuses a model whose scheduler is not known: what its file says of the noise may mean something else there.
    /// </summary>
    /// <exception cref="RecipesException">There is no such sampler.</exception>
    public static void Check(SchedulerConfig config)
    {
        if (!Classes.ContainsKey(config.ClassName))
        {
            throw new RecipesException(
                config.Where,
                $"\"_class_name\" is \"{config.ClassName}\", a scheduler that is not supported",
                $"Where the model was trained with one of these, name it there: {string.Join(", ", Classes.Keys)}.");
        }
    }

    /// <summary>
    /// A sampler by name for a model's noise. Of the model's own sampling settings those count that its
    /// scheduler_config.json names and the sampler knows.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="config">The model's scheduler_config.json.</param>
    /// <exception cref="RecipesException">There is no such sampler, or its settings do not go together.</exception>
    public static ISampler Named(string name, SchedulerConfig config) =>
        Known.TryGetValue(name, out var change)
            ? From(change(config))
            : throw new RecipesException(
                "Sampler",
                $"\"{name}\" is not known",
                $"Choose one of {string.Join(", ", Names)}.");

    private static SchedulerConfig Karras(SchedulerConfig config) => config with
    {
        Solver = config.Solver with { UseKarrasSigmas = true, UseExponentialSigmas = false, UseLuLambdas = false },
    };

    private static SchedulerConfig DpmPlusPlus(SchedulerConfig config, bool stochastic) => config with
    {
        ClassName = "DPMSolverMultistepScheduler",
        Solver = config.Solver with { SolverOrder = 2, SolvesForNoise = false, Stochastic = stochastic },
    };
}
