#!/bin/sh
# Complains for ever.
exec yes >&2
