#!/bin/sh
# Reads nothing, writes nothing, ends never.
exec sleep 1000
