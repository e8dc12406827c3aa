#!/bin/busybox sh
# The first process of a kernel with busybox. HOST and RUN come from the kernel's
# command line: a folder of the host, seen as /host, and the script in it to run.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t devtmpfs none /dev
mount -t hostfs none /host -o "$HOST"
cd /host
sh "$RUN"
poweroff -f
