#!/bin/sh
# Writes machine code for ever.
exec yes
