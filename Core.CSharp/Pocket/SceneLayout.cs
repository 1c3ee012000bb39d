namespace Recipes.Core.Pocket;

/// <summary>The numbers behind a description: where its icons lie and what its background looks like.</summary>
internal static class SceneLayout
{
    private const float MaxTurn = 8 * MathF.PI / 180;
    private const float Jitter = .035f;
    private const float Slope = .07f;

    /// <summary>Fills x, y, side and turn of the first icon, then of the second (side 1 where there is none).</summary>
    public static void Place(SceneDescription scene, Random random, Span<float> places)
    {
        if (scene.Second is not null)
        {
            PlaceOne(random, places[..4], Between(random, .40f, .50f), -.49f, .03f, .14f);
            PlaceOne(random, places[4..], Between(random, .40f, .50f), .49f, .03f, .14f);
            return;
        }

        var side = scene.Size switch
        {
            SceneSize.Small => Between(random, .36f, .46f),
            SceneSize.Big => Between(random, .86f, .95f),
            _ when scene.Position is ScenePosition.Left or ScenePosition.Right => Between(random, .46f, .60f),
            _ => Between(random, .56f, .84f),
        };
        var (centre, spread) = scene.Position switch
        {
            ScenePosition.Left => (side - .95f, .05f),
            ScenePosition.Right => (.95f - side, .05f),
            ScenePosition.Middle => (0f, .02f),
            _ => (0f, .16f),
        };
        PlaceOne(random, places[..4], side, centre, spread, scene.Position == ScenePosition.Middle ? .02f : .16f);
        places[4] = places[5] = places[7] = 0;
        places[6] = 1;
    }

    /// <summary>Fills red, green, blue at the centre and the slopes along x and y. White stays plain white.</summary>
    public static void Paint(Background background, Random random, Span<float> colours)
    {
        var amount = background.Name == "white" ? 0 : 1;
        colours[0] = background.Red + (amount * Between(random, -Jitter, Jitter));
        colours[1] = background.Green + (amount * Between(random, -Jitter, Jitter));
        colours[2] = background.Blue + (amount * Between(random, -Jitter, Jitter));
        var (angle, slope) = (Between(random, 0, MathF.Tau), amount * Between(random, 0, Slope));
        colours[3] = slope * MathF.Cos(angle);
        colours[4] = slope * MathF.Sin(angle);
    }

    // The icon stays inside the picture: its centre is at most 1 - side away from the middle.
    private static void PlaceOne(Random random, Span<float> place, float side, float x, float spreadX, float spreadY)
    {
        var room = Math.Max(0, 1 - side);
        place[0] = Math.Clamp(x + Between(random, -spreadX, spreadX), -room, room);
        place[1] = Math.Clamp(Between(random, -spreadY, spreadY), -room, room);
        place[2] = side;
        place[3] = Between(random, -MaxTurn, MaxTurn);
    }

    private static float Between(Random random, float low, float high) => low + ((high - low) * random.NextSingle());
}
