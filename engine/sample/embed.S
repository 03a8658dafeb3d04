/* The sample's files as read-only data (sample.cpp). The assembler finds them on its include path,
   which CMakeLists.txt points here; the build depends on them. */

.macro embed symbol, file
    .balign 64
    .globl \symbol
    .hidden \symbol
\symbol:
    .incbin "\file"
    .globl \symbol\()_end
    .hidden \symbol\()_end
\symbol\()_end:
    .byte 0
.endm

    .section .rodata
    embed bertq_sample_config, "config.json"
    embed bertq_sample_checkpoint, "model.safetensors"
    embed bertq_sample_vocabulary, "vocab.txt"
    embed bertq_sample_mrpc, "mrpc.tsv"
    embed bertq_sample_squad_config, "squad/config.json"
    embed bertq_sample_squad_checkpoint, "squad/model.safetensors"
    embed bertq_sample_squad, "squad.json"

    .section .note.GNU-stack, "", @progbits
