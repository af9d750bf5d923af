#!/bin/sh
# Installs the system programs that the tests use, with apt. Does nothing where all of them are there already.
# Without root (or password-less sudo) it names what is missing and fails.
set -eu

# package | program that proves it is there | what for
wanted='
mosquitto | mosquitto | the broker that the links and the command line are tested against
openssl   | openssl   | certificates for the TLS tests, made afresh in every run
chromium  | chromium  | opens the HTML report and the dashboard as a reader would
gcc       | gcc       | the C client, and the yardstick for kernel speed
make      | make      | builds the C client
wabt      | wasm2c    | the kernels as C, a further witness of their bits
clang     | clang     | the C client with sanitizers and static analysis
libclang-rt-14-dev | /usr/share/doc/libclang-rt-14-dev | the sanitizers themselves
lld       | wasm-ld   | links the example of a training module in C
libssl-dev | /usr/share/doc/libssl-dev | Ed25519 for modules on the C client
libmbedtls-dev | /usr/share/doc/libssl-dev | /usr/share/doc/libssl-dev | Ed25519 for modules on the C client
libmbedtls-dev | TLS for the C client on POSIX systems
cppcheck  | cppcheck  | the C client held to MISRA C:2012
pmccabe   | pmccabe   | the C client held to simple functions
cmake     | cmake     | the C client as packages
libpaho-mqtt-dev | /usr/share/doc/libpaho-mqtt-dev | an MQTT client that the C client takes part with
gcc-arm-none-eabi | arm-none-eabi-gcc | the C client for Cortex-M, and its sizes
libnewlib-arm-none-eabi | /usr/share/doc/libnewlib-arm-none-eabi | the C library of those builds
python3-numpy | /usr/share/doc/python3-numpy | the yardstick for how fast clients are trained in simulations
libopenblas0-pthread | /usr/share/doc/libopenblas0-pthread | what makes numpy fast
qemu-system-arm | qemu-system-arm | runs the C client on an emulated Cortex-M
'

# Debian keeps servers such as mosquitto in sbin, which is not on every user's PATH.
PATH="$PATH:/usr/sbin:/sbin"

missing=""
while IFS='|' read -r package program purpose; do
  package=$(echo "$package" | tr -d ' ')
  program=$(echo "$program" | tr -d ' ')
  [ -n "$package" ] || continue
  if ! command -v "$program" >/dev/null 2>&1; then
    echo "missing: $package -$purpose"
    missing="$missing $package"
  fi
done <<LIST
$wanted
LIST

if [ -z "$missing" ]; then
  echo "all system packages are there"
  exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo "no apt-get here; install by hand:$missing" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  echo "not root, and no sudo without a password; run: apt-get install$missing" >&2
  exit 1
fi

echo "installing:$missing"
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y"
# A stale package list is refreshed only where the first try fails.
# shellcheck disable=SC2086
$apt install --no-install-recommends $missing || { $apt update && $apt install --no-install-recommends $missing; }

# Debian starts the mosquitto service on port 1883 when it installs it, and at every boot. The tests start brokers of their own.
case " $missing " in
*" mosquitto "*)
  if command -v systemctl >/dev/null 2>&1; then
    if [ -d /run/systemd/system ]; then $as_root systemctl stop mosquitto; fi
    $as_root systemctl disable mosquitto
  else
    $as_root service mosquitto stop || true
    $as_root update-rc.d mosquitto disable
    $as_root rm -f /etc/systemd/system/multi-user.target.wants/mosquitto.service
  fi
  ;;
esac
