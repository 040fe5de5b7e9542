# The virtual machine itself: sourced by scripts/vm (which runs it) and by build (which saves its state). Both must
# describe the very same hardware, or the saved state could not be restored.

# Emulation is used wherever the processor lacks virtualisation of its own: there, a /dev/kvm may exist (a paravirtual
# one, say) and still be unable to run an ordinary kernel.
accelerator=tcg
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then accelerator=kvm; fi

# QEMU's options separate their fields by commas; a comma in a value is written twice.
double_commas() { printf '%s' "${1//,/,,}"; }

# describe_machine IMAGE DISK SHARE RUN OUT ERR sets the array machine to QEMU's arguments.
#   IMAGE  the folder with vmlinuz and initrd      DISK  the disk's file and its options, ready for -drive
#   SHARE  the folder to offer the guest           RUN   a folder with the FIFOs control.in and control.out; gets console
#   OUT ERR  where the command's two streams go
describe_machine() {
	local share run cpu security=none
	share=$(double_commas "$3") run=$(double_commas "$4")
	# An old model: without AVX and five-level page tables the emulator has a third less to do.
	cpu=Westmere,+rdrand
	if [ "$accelerator" = kvm ]; then cpu=host; fi
	# Only root can give the guest's files the owners that the guest asks for.
	if [ "$(id -u)" = 0 ]; then security=passthrough; fi
	# shellcheck disable=SC2034,SC2054 # for the sourcing script; the commas are QEMU's
	machine=(
		qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
		-machine q35 -accel "$accelerator" -cpu "$cpu" -smp 2 -m 2048
		-kernel "$1/vmlinuz" -initrd "$1/initrd"
		-append 'rw console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0'
		-chardev "file,id=console,path=$run/console" -serial chardev:console
		-drive "if=virtio,discard=unmap,file=$2"
		# 9p needs no daemon, and a machine that has it can be saved while it is not mounted.
		-fsdev "local,id=share,path=$share,security_model=$security,multidevs=remap"
		-device virtio-9p-pci,fsdev=share,mount_tag=share
		# A network of one: an address and a gateway that answers, as pasta wants, and nothing behind them.
		-netdev user,id=net,restrict=on -device virtio-net-pci,netdev=net,romfile=
		# Tells a restored kernel to take new random numbers: all runs begin from the same memory.
		-device vmgenid,guid=auto
		-device virtio-serial-pci
		-chardev "pipe,id=control,path=$run/control" -device virtserialport,chardev=control,name=tare.control
		-chardev "file,id=out,path=$5" -device virtserialport,chardev=out,name=tare.out
		-chardev "file,id=err,path=$6" -device virtserialport,chardev=err,name=tare.err
	)
}
