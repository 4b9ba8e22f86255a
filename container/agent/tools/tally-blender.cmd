@echo off
rem Runs the Blender client with the agent's own Node (Windows; never run there yet).
if exist "%TALLY_TOOLS%\tally-blender.mjs" (
  "%TALLY_NODE%" "%TALLY_TOOLS%\tally-blender.mjs" %*
) else (
  "%TALLY_NODE%" "%TALLY_TOOLS%\..\blender\client.ts" %*
)
