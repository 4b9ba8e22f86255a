@echo off
rem Runs the film tool with the agent's own Node (Windows; never run there yet).
if exist "%TALLY_TOOLS%\tally-encode.mjs" (
  "%TALLY_NODE%" "%TALLY_TOOLS%\tally-encode.mjs" %*
) else (
  "%TALLY_NODE%" "%TALLY_TOOLS%\..\encode\client.ts" %*
)
