#r "../Recipes.FSharp/bin/Release/net10.0/Recipes.FSharp.dll"
