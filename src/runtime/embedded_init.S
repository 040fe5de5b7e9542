// tare-init, the freestanding first process of a container, as bytes inside the program that starts it.
    .section .rodata
    .balign 4096
    .global tare_init_begin
    .global tare_init_end
tare_init_begin:
    .incbin "tare-init"
tare_init_end:
    .section .note.GNU-stack, "", @progbits
