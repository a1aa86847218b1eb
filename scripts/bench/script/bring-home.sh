#!/bin/sh
# What one would write without Sluice: download, archive, publish, in turn. It has no line, no resume, no checks.
set -e
curl --fail --silent --show-error --location --header "Authorization: Bearer $DOWNLOAD_TOKEN" \
  --output "$FILE" "$DOWNLOAD_URL"
"$RCLONE" --b2-account "$B2_KEY_ID" --b2-key "$B2_APPLICATION_KEY" --b2-endpoint "$B2_API_URL" \
  copyto "$FILE" ":b2:$B2_BUCKET/$ARCHIVE_NAME"
"$NODE" "$(dirname "$0")/upload-to-bunny.mjs" "$FILE"
rm "$FILE"
# User and system time of this shell, then of all that it ran.
times
