#!/bin/sh
# Becomes one of the apps of ecosystem.config.js, for process managers other than pm2: run-app.sh redis|worker|pipeline|tus.
# Ends with 78 where the settings, or the build, have to be put right first.
command=$(node "$(dirname "$0")/app-command.mjs" "$1") || exit 78
eval "$command"
