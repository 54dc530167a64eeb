#!/bin/sh
# rootfs.sh DIRECTORY PROGRAM...: a root file system with these programs, the libraries they load, a user, and nothing else: no shell,
# no package manager. The licences of the libraries are in usr/share/doc, their versions in usr/share/tipring/packages.
set -eu

root=$1
shift
mkdir -p "$root/etc" "$root/tmp" "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/share/doc" "$root/usr/share/tipring"
ln -s usr/bin "$root/bin"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
chmod 1777 "$root/tmp"

echo 'tipring:x:10001:10001:Tipring:/run/tipring:/' >"$root/etc/passwd"
echo 'tipring:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

cp "$@" "$root/usr/bin/"

# Libraries lie where the loader looks for them, whatever links lead there.
libraries=$(ldd "$@" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' | sort -u)
for library in $libraries; do
	# dpkg knows some by the name with /usr, some by the one without
	real=$(readlink -f "$library")
	package=$(dpkg-query -S "$real" "${real#/usr}" 2>/dev/null | sed -n '1s/:.*//p')
	[ -n "$package" ] || continue # ours
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
	dpkg-query -W -f='${Package} ${Version}\n' "$package" | sed 1q >>"$root/usr/share/tipring/packages"
	mkdir -p "$root/usr/share/doc/$package"
	cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done
sort -u -o "$root/usr/share/tipring/packages" "$root/usr/share/tipring/packages"
