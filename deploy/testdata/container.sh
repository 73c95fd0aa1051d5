#!/bin/sh
# Shows a command what a container would: a root file system of its own with the
# volumes and nothing else of this host but its programs, a user without rights. Run in a mount
# namespace of its own, which ends with the command: nothing has to be undone.
#
#   LAYOUT=file RUN_AS=uid:gid CAPS=list unshare --mount --uts container.sh ROOT NAME COMMAND…
#
# Lines of LAYOUT: "bind FROM TO", "bindro FROM TO", "tmpfs OPTIONS TO", "folder MODE TO", "readonly".
set -eu
root=$1 name=$2; shift 2
hostname "$name"
mount -t tmpfs -o mode=755,size=64m none "$root"
cd "$root"
for link in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$link" ]; then cp -P "/$link" .; elif [ -d "/$link" ]; then mkdir "$link"; mount --bind "/$link" "$link"; fi
done
mkdir -p usr proc dev tmp run/keys var/lib/cdt data opt/site/bin etc/cdt etc/ssl etc/alternatives home/cdt
chmod 1777 tmp
chown 10001:10001 data var/lib/cdt
for shared in usr proc dev; do mount --rbind "/$shared" "$shared"; done
for shared in etc/ssl etc/alternatives; do mount --bind "/$shared" "$shared"; done
cp /etc/ld.so.cache /etc/nsswitch.conf /etc/services etc/

while read -r what from to; do
  to="$root$to"
  case $what in
  bind | bindro)
    if [ -f "$from" ]; then mkdir -p "${to%/*}"; [ -e "$to" ] || : > "$to"; else mkdir -p "$to"; fi
    mount --bind "$from" "$to"
    [ "$what" = bind ] || mount -o remount,bind,ro "$to"
    ;;
  tmpfs) mkdir -p "$to"; mount -t tmpfs -o "$from" none "$to" ;;
  folder) mkdir -p "$to"; chmod "$from" "$to"; chown "$RUN_AS" "$to" ;;
  readonly) mount -o remount,ro "$root" ;;
  *) echo "container.sh: $what?" >&2; exit 1 ;;
  esac
done < "$LAYOUT"

[ "$CAPS" = all ] || set -- --bounding-set="$CAPS" "$@"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid="${RUN_AS%:*}" --regid="${RUN_AS#*:}" --clear-groups --no-new-privs --inh-caps=-all --pdeathsig=KILL "$@"
