#!/usr/bin/env bash
# assemble.sh BINARY ROOT: lays out in ROOT the file system of the image: the program, the Debian
# libraries it needs, certificates to trust, two users, and a list of what is in it. No shell, no package
# manager: nothing that is not used.
set -euo pipefail
binary=$1 root=$2
version=$("$binary" --version)
version=${version##* }

# The usual links, so that every path below lands where dpkg thinks it is.
mkdir -p "$root"/{etc,usr/bin,usr/lib,usr/share/doc,var/lib/dpkg/status.d}
for name in bin lib lib64 sbin; do
  [[ ! -L /$name ]] || { mkdir -p "$root/usr/$name" && ln -sfn "usr/$name" "$root/$name"; }
done

install -m 0755 "$binary" "$root/usr/bin/logzio-okta"

# Every library and the loader, by the name the program asks for. ldd prints "name => path (address)".
if ldd "$binary" | grep -F 'not found' >&2; then exit 1; fi
mapfile -t libraries < <(ldd "$binary" | grep -oE '/[^ ]+' | sort -u)
for library in "${libraries[@]}"; do
  install -D -m "$([[ $library == */ld-linux* ]] && echo 0755 || echo 0644)" "$(readlink -f "$library")" "$root$library"
done

# Certificates as the package ca-certificates keeps them; OpenSSL looks them up by their hash, one by one.
mkdir -p "$root/usr/share" "$root/usr/lib/ssl" "$root/etc/ssl"
cp -a /usr/share/ca-certificates "$root/usr/share/"
cp -a /etc/ssl/certs /etc/ssl/openssl.cnf "$root/etc/ssl/"
cp -a /usr/lib/ssl/certs /usr/lib/ssl/openssl.cnf "$root/usr/lib/ssl/"

cp -aL /etc/os-release "$root/etc/os-release"
printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' \
  'logzio-okta:x:1000:1000:logzio-okta:/var/lib/logzio-okta:/sbin/nologin' >"$root/etc/passwd"
# The state is shared with group root, so that it serves root without capabilities as well: --user 1000 is of it too.
printf '%s\n' 'root:x:0:logzio-okta' 'logzio-okta:x:1000:' >"$root/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$root/etc/nsswitch.conf"

# ---- What is in it

# Files that were merged into /usr are known to dpkg by their old names.
package_of() {
  local path
  path=$(readlink -f "$1")
  dpkg-query -S "$path" 2>/dev/null | cut -d: -f1 || dpkg-query -S "${path#/usr}" | cut -d: -f1
}
mapfile -t packages < <({
  for library in "${libraries[@]}"; do package_of "$library"; done
  printf '%s\n' base-files ca-certificates openssl
} | sort -u)
# Headers that end in the program itself: whole (cxxopts, RapidJSON, xxHash, which is included inline), and the templates
# of the standard library (libstdc++-12-dev, say) and of those whose libraries are loaded.
mapfile -t compiled_in < <({
  printf '%s\n' libcxxopts-dev rapidjson-dev libxxhash-dev libyaml-cpp-dev prometheus-cpp-dev libspdlog-dev libfmt-dev
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'libstdc++-*-dev' 'libgcc-*-dev' | sed -n 's/^installed //p'
} | sort -u)

for package in "${packages[@]}"; do
  dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package" # Where scanners look in images without dpkg.
done
for package in "${packages[@]}" "${compiled_in[@]}"; do
  install -D -m 0644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done

# One SPDX package, and how the program relates to it.
spdx_package() { # spdx_package NAME VERSION SUPPLIER LICENCE PURL
  printf '    {"SPDXID": "SPDXRef-%s", "name": "%s", "versionInfo": "%s", "supplier": "%s",\n' \
    "${1//[^A-Za-z0-9.-]/-}" "$1" "$2" "$3"
  printf '     "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "licenseConcluded": "NOASSERTION",\n'
  printf '     "licenseDeclared": "%s", "copyrightText": "NOASSERTION", "externalRefs": [{"referenceCategory":\n' "$4"
  printf '     "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "%s"}]}' "$5"
}
spdx_relation() { # spdx_relation PACKAGE KIND
  printf ',\n    {"spdxElementId": "SPDXRef-logzio-okta", "relationshipType": "%s", "relatedSpdxElement": "SPDXRef-%s"}' \
    "$2" "${1//[^A-Za-z0-9.-]/-}"
}
sbom() {
  local package found architecture
  printf '{\n  "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",\n'
  printf '  "name": "logzio-okta-%s", "documentNamespace": "https://spdx.org/spdxdocs/logzio-okta-%s-%s",\n' \
    "$version" "$version" "$(sha256sum "$binary" | cut -c1-32)"
  printf '  "creationInfo": {"created": "%s", "creators": ["Tool: logzio-okta-assemble"]},\n' \
    "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)"
  printf '  "packages": [\n'
  spdx_package logzio-okta "$version" "NOASSERTION" Apache-2.0 "pkg:generic/logzio-okta@$version"
  for package in "${packages[@]}" "${compiled_in[@]}"; do
    IFS=$'\t' read -r found architecture < <(dpkg-query -W -f '${Version}\t${Architecture}\n' "$package")
    printf ',\n'
    spdx_package "$package" "$found" "Organization: Debian" NOASSERTION \
      "pkg:deb/debian/${package//+/%2B}@${found//+/%2B}?arch=$architecture&distro=debian-12"
  done
  printf '\n  ],\n  "relationships": [\n'
  printf '    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-logzio-okta"}'
  for package in "${packages[@]}"; do spdx_relation "$package" DEPENDS_ON; done
  for package in "${compiled_in[@]}"; do spdx_relation "$package" STATIC_LINK; done
  printf '\n  ]\n}\n'
}
mkdir -p "$root/usr/share/doc/logzio-okta"
sbom >"$root/usr/share/doc/logzio-okta/sbom.spdx.json"
