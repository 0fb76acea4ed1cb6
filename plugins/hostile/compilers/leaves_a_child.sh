#!/bin/sh
# Ends at once and leaves a child behind that holds its output open.
sleep 1000 &
echo $! >&2
exit 7
