// Draws the five pictures of Nook the house that lie beside this script, their masks in masks/, and three more in
// held-out/, which nothing is trained on. After a build:
//
//     dotnet fsi recipes/data/house/draw.fsx [folder]
//
// The same bytes every time: nothing is drawn at random.
#load "nook.fsx"

open System.IO
open Drawing
open Nook

let views = [
    {
        Name = "morning"
        Sky = "#FFE9C7", "#FFC98A"
        Scale = 1.15
        Centre = 126.0, 136.0
        Tilt = 0.0
        Lean = 6.0
        Height = 76.0
        Open = 0.0
        Rings = 1
    }
    {
        Name = "open"
        Sky = "#CDEBFF", "#8FC7F2"
        Scale = 1.0
        Centre = 136.0, 144.0
        Tilt = 4.0
        Lean = -8.0
        Height = 72.0
        Open = 0.8
        Rings = 2
    }
    {
        Name = "storm"
        Sky = "#DADDE3", "#A9B0BC"
        Scale = 1.2
        Centre = 122.0, 146.0
        Tilt = -6.0
        Lean = -16.0
        Height = 80.0
        Open = 0.0
        Rings = 0
    }
    {
        Name = "meadow"
        Sky = "#DDF3C4", "#A5D672"
        Scale = 0.95
        Centre = 118.0, 148.0
        Tilt = 2.0
        Lean = 12.0
        Height = 84.0
        Open = 0.4
        Rings = 3
    }
    {
        Name = "winter"
        Sky = "#FFFFFF", "#E6EDF5"
        Scale = 1.08
        Centre = 132.0, 140.0
        Tilt = -2.0
        Lean = 0.0
        Height = 70.0
        Open = 0.0
        Rings = 1
    }
]

let heldOut = [
    {
        views[0] with
            Name = "evening"
            Sky = "#FFC9DA", "#E88AB0"
            Scale = 1.05
            Centre = 120.0, 142.0
            Tilt = 5.0
            Lean = -4.0
    }
    {
        views[1] with
            Name = "far"
            Sky = "#FFF3B8", "#FFE07A"
            Scale = 0.85
            Centre = 140.0, 150.0
            Tilt = -3.0
            Lean = 10.0
            Height = 78.0
    }
    {
        views[3] with
            Name = "hill"
            Sky = "#CFEFEF", "#8BCFD0"
            Scale = 1.12
            Centre = 128.0, 142.0
            Tilt = 7.0
            Lean = 2.0
            Rings = 0
    }
]

let folder =
    match fsi.CommandLineArgs with
    | [| _; folder |] -> folder
    | _ -> __SOURCE_DIRECTORY__

let drawn views = [ for view in views -> view.Name, draw view ]

write folder (drawn views)
write (Path.Combine(folder, "masks")) [ for view in views -> view.Name, cutOut view ]
write (Path.Combine(folder, "held-out")) (drawn heldOut)
