#!/bin/sh
# Becomes the managed Redis: run-redis.sh DATA_DIR SECONDS redis-server OPTIONS...
#
# pm2 stops all its apps at once, and the worker needs Redis to give its recording back. So pm2 tells this one to end by a
# message instead of a signal (see ecosystem.config.js), which Redis itself does not hear. A watcher hears it: it ends Redis in
# good order when the other processes that ran then have ended, after so many seconds at the latest. Where none of them has
# ended within three seconds, Redis alone is to stop, and ends then.
#
# Without pm2 there is no such message, and signals end Redis as ever; what it says goes to whoever started it.
data_dir=$1
patience=$(($2 * 10)) # in tenths of a second
alone_after=30
shift 2

# The other processes that run, by what pm2 writes into DATA_DIR/pids.
others() {
  for file in "$data_dir"/pids/*.pid; do
    case $file in
      */redis-*) ;;
      *) cat "$file" 2>/dev/null && echo ;;
    esac
  done
}

# Those of them that still run.
running() {
  for pid in $others; do
    kill -0 "$pid" 2>/dev/null && echo "$pid"
  done
}

watch() {
  # Nothing to read: pm2 or this Redis is gone.
  IFS= read -r _message || exit 0
  others=$(others)
  before=$(running)
  waited=0
  while [ "$waited" -lt "$patience" ]; do
    now=$(running)
    [ -n "$now" ] || break
    [ "$now" = "$before" ] && [ "$waited" -ge "$alone_after" ] && break
    sleep 0.1
    waited=$((waited + 1))
  done
  kill -TERM "$redis"
}

case ${NODE_CHANNEL_FD-} in
  [3-9])
    # The shell becomes Redis, and keeps its number.
    redis=$$
    # Nobody's child, for Redis would wonder about one that it has not made.
    (watch <&"$NODE_CHANNEL_FD" >/dev/null 2>&1 &)
    exec "$@" --logfile "$data_dir/logs/redis-out.log"
    ;;
esac
exec "$@"
