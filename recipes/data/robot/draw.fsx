// Draws the five pictures of Zig the robot that lie beside this script, their masks in masks/, and three more in
// held-out/, which nothing is trained on. After a build:
//
//     dotnet fsi recipes/data/robot/draw.fsx [folder]
//
// The same bytes every time: nothing is drawn at random.
#load "zig.fsx"

open System.IO
open Drawing
open Zig

let poses = [
    {
        Name = "waving"
        Sky = "#BFE3FF", "#8CC6F5"
        Scale = 1.1
        Centre = 126.0, 141.0
        Tilt = 0.0
        Gaze = 0.12, 0.05
        Mouth = Smile
        Lean = 6.0
        Spring = 30.0
        LeftArm = limb (-72.0, 18.0) (-70.0, 40.0)
        RightArm = limb (84.0, 10.0) (80.0, -34.0)
        LeftLeg = limb (-26.0, 60.0) (-27.0, 78.0)
        RightLeg = limb (26.0, 60.0) (27.0, 78.0)
        Shadow = 0.0, 90.0, 58.0
    }
    {
        Name = "walking"
        Sky = "#FFC9DA", "#F79ABB"
        Scale = 1.05
        Centre = 132.0, 136.0
        Tilt = 7.0
        Gaze = 0.3, 0.1
        Mouth = Smile
        Lean = -16.0
        Spring = 29.0
        LeftArm = limb (-78.0, 2.0) (-82.0, 24.0)
        RightArm = limb (74.0, 28.0) (84.0, 8.0)
        LeftLeg = limb (-26.0, 62.0) (-48.0, 70.0)
        RightLeg = limb (34.0, 58.0) (46.0, 78.0)
        Shadow = 0.0, 92.0, 66.0
    }
    {
        Name = "jumping"
        Sky = "#FFF3B8", "#FFE07A"
        Scale = 0.98
        Centre = 128.0, 124.0
        Tilt = -5.0
        Gaze = 0.0, -0.2
        Mouth = Open
        Lean = 0.0
        Spring = 37.0
        LeftArm = limb (-84.0, 4.0) (-84.0, -38.0)
        RightArm = limb (84.0, 4.0) (84.0, -38.0)
        LeftLeg = limb (-34.0, 66.0) (-58.0, 68.0)
        RightLeg = limb (34.0, 66.0) (58.0, 68.0)
        Shadow = 0.0, 118.0, 46.0
    }
    {
        Name = "sitting"
        Sky = "#E0D4FA", "#BFA8EE"
        Scale = 1.22
        Centre = 128.0, 154.0
        Tilt = 0.0
        Gaze = -0.25, 0.2
        Mouth = Smile
        Lean = 18.0
        Spring = 27.0
        LeftArm = limb (-74.0, 12.0) (-66.0, 46.0)
        RightArm = limb (74.0, 12.0) (66.0, 46.0)
        LeftLeg = limb (-30.0, 58.0) (-48.0, 56.0)
        RightLeg = limb (30.0, 58.0) (48.0, 56.0)
        Shadow = 0.0, 64.0, 72.0
    }
    {
        Name = "looking-up"
        Sky = "#F4F4F2", "#D5D9DC"
        Scale = 0.96
        Centre = 112.0, 150.0
        Tilt = -12.0
        Gaze = 0.3, -0.3
        Mouth = Surprised
        Lean = 14.0
        Spring = 32.0
        LeftArm = limb (-74.0, 22.0) (-62.0, 44.0)
        RightArm = limb (76.0, 22.0) (64.0, 44.0)
        LeftLeg = limb (-26.0, 60.0) (-24.0, 76.0)
        RightLeg = limb (26.0, 60.0) (30.0, 80.0)
        Shadow = 14.0, 90.0, 60.0
    }
]

let heldOut = [
    {
        poses[0] with
            Name = "bowing"
            Sky = "#CFEFD6", "#93D3A4"
            Scale = 0.9
            Centre = 138.0, 132.0
            Tilt = 11.0
            Gaze = -0.2, 0.3
            Lean = -9.0
            LeftArm = limb (-76.0, 16.0) (-88.0, 30.0)
            RightArm = limb (78.0, 20.0) (66.0, 42.0)
    }
    {
        poses[2] with
            Name = "floating"
            Sky = "#D8E2F0", "#9FB4D6"
            Scale = 1.14
            Centre = 122.0, 134.0
            Tilt = 5.0
            Gaze = 0.25, 0.15
            Mouth = Smile
            Lean = 10.0
            LeftArm = limb (-82.0, 10.0) (-88.0, -20.0)
            RightArm = limb (80.0, 16.0) (78.0, 40.0)
    }
    {
        poses[1] with
            Name = "marching"
            Sky = "#FFE3C2", "#F4B77C"
            Scale = 0.86
            Centre = 110.0, 140.0
            Tilt = -8.0
            Gaze = -0.3, 0.0
            Mouth = Open
            Lean = 12.0
    }
]

let folder =
    match fsi.CommandLineArgs with
    | [| _; folder |] -> folder
    | _ -> __SOURCE_DIRECTORY__

let drawn poses = [ for pose in poses -> pose.Name, draw pose ]

write folder (drawn poses)
write (Path.Combine(folder, "masks")) [ for pose in poses -> pose.Name, cutOut pose ]
write (Path.Combine(folder, "held-out")) (drawn heldOut)
