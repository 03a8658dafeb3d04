/* BERT inference on CPUs, for C (C99) and for whatever calls C.

     bertq_model* model;
     bertq_session* session;
     bertq_input input = bertq_pair("He left.", "He went away.");
     bertq_classification result;
     if (bertq_model_load("minilm-mrpc", NULL, &model) != BERTQ_OK ||
         bertq_session_create(model, NULL, &session) != BERTQ_OK ||
         bertq_classify(session, &input, 1, &result) != BERTQ_OK) {
       fprintf(stderr, "%s\n", bertq_last_error());
     }

   Results. Every function that can fail returns a bertq_status, BERTQ_OK (0) if all went well, and
   then has a line for people in bertq_last_error(). What fails has written nothing, except the
   number that comes with BERTQ_SHORT_BUFFER. No C++ exception, signal or exit() comes out of the
   library, and it prints nothing.

   Handles. Models, sessions and queues are numbers that the library looks up, not addresses. NULL,
   a handle of another kind, one that was freed, and any other value are BERTQ_USAGE. One that is
   freed while another thread is within a call with it is gone when that call returns.

   Options, inputs, facts and answers begin with `size`, which the caller sets, those that are
   results too: sizeof the struct, anything else is BERTQ_USAGE. Fields that are 0 mean the default,
   and NULL for options means defaults throughout. Arrays of results are of plain records without a
   size; these stay as they are for an ABI version.

   Buffers are the caller's. `capacity` is in elements, `count` receives how many there are; if they
   do not fit, the call is BERTQ_SHORT_BUFFER. NULL and 0 ask for the number in that way. A function
   reads all that it is given before it writes, so that results may go where inputs were; two
   results in one place are BERTQ_USAGE. Lengths and sizes that cannot be are BERTQ_USAGE.

   Threads. Models and queues: any number at once. Sessions: one at a time, a second is told
   BERTQ_BUSY. 64 KiB of stack suffice for every call. Rounding, flush-to-zero and floating-point
   exceptions of the calling thread (MXCSR) are neither obeyed nor altered. Calls are no
   cancellation points.

   fork(). A child may use the models of its parent, and make sessions and queues of them. Those of
   the parent are BERTQ_USAGE there, their threads being elsewhere; freeing them frees the handle.

   What the words mean (precision, tokens, pooling, windows) is in model.hpp and session.hpp. */
#ifndef BERTQ_BERTQ_H
#define BERTQ_BERTQ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bertq/export.h"
#include "bertq/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Those below 64 are the exit codes of the command line. */
typedef int32_t bertq_status;
enum {
  BERTQ_OK = 0,
  BERTQ_INTERNAL = 1,      /* a defect of bertq */
  BERTQ_USAGE = 2,         /* a call that cannot be: the program has to change */
  BERTQ_INPUT = 3,         /* a file, a text or token ids that cannot be used */
  BERTQ_ISA = 5,           /* the instruction set asked for is not available */
  BERTQ_RESOURCES = 7,     /* memory, threads */
  BERTQ_SHORT_BUFFER = 64, /* the buffer holds less than `count` says */
  BERTQ_BUSY = 65          /* another thread is using the session; the queue is full */
};

typedef struct bertq_model bertq_model;
typedef struct bertq_session bertq_session;
typedef struct bertq_queue bertq_queue;

/* Of the library that runs: BERTQ_ABI_VERSION is that of these headers. */
BERTQ_API uint32_t bertq_abi_version(void);
/* "0.1.0" */
BERTQ_API const char* bertq_version(void);
/* Why this thread's latest call failed: one line, "" if it did not. Holds until its next call. */
BERTQ_API const char* bertq_last_error(void);

/* Models */

enum { BERTQ_AUTOMATIC = 0, BERTQ_FP32 = 1, BERTQ_BF16 = 2, BERTQ_INT8 = 3 };
enum { BERTQ_DEFAULT = 0, BERTQ_YES = 1, BERTQ_NO = 2 };
enum { BERTQ_PARAPHRASES = 0, BERTQ_QUESTIONS = 1 };

typedef struct bertq_load_options {
  uint32_t size;
  int32_t precision;   /* BERTQ_FP32, ... */
  int32_t lower_case;  /* of texts: BERTQ_YES, BERTQ_NO */
  int32_t map_weights; /* BERTQ_YES: a .bertq file stays mapped */
  size_t max_tokens;   /* of an input */
  const char* recipe;  /* a recipe's file, instead of a precision */
  const char* isa;     /* "avx2", "amx", ... */
  /* Told what a program would print, a line at a time, before the call returns. */
  void (*log)(void* log_context, const char* line);
  void* log_context;
} bertq_load_options;

typedef struct bertq_model_facts {
  uint32_t size;
  int32_t classifies, regresses, answers; /* which heads it has: 1 or 0 */
  int32_t depends_on_batch;               /* 1: answers depend on who else is in the batch */
  int32_t reserved;
  size_t layers, hidden, vocabulary;
  size_t max_tokens;    /* of an input, special ones included */
  size_t outputs;       /* logits of an input */
  size_t labels;        /* names of them: as many, or none */
  size_t weights_bytes; /* resident or mapped */
  char precision[16];   /* "int8", "tuned", ... */
  char isa[16];         /* "avx512_vnni", ... */
} bertq_model_facts;

/* `name`: a folder as published, a .bertq file, or "org/name" in the local Hugging Face cache. */
BERTQ_API bertq_status bertq_model_load(const char* name, const bertq_load_options* options,
                                        bertq_model** model);
/* One of the small models compiled into the library: BERTQ_PARAPHRASES or BERTQ_QUESTIONS. */
BERTQ_API bertq_status bertq_model_load_sample(int32_t sample, const bertq_load_options* options,
                                               bertq_model** model);
/* Sessions and queues of it live on. NULL is nothing to free, here and below. */
BERTQ_API bertq_status bertq_model_free(bertq_model* model);
BERTQ_API bertq_status bertq_model_get_facts(const bertq_model* model, bertq_model_facts* facts);
/* The name of a class; `count` includes the NUL that ends it. */
BERTQ_API bertq_status bertq_model_get_label(const bertq_model* model, size_t index, char* label,
                                             size_t capacity, size_t* count);

/* Inputs */

/* What a model reads: a text, a pair of texts, or token ids with special tokens in place. Texts are
   UTF-8 and may hold NULs. */
typedef struct bertq_input {
  uint32_t size;
  uint32_t reserved;
  const char* text; /* these four, or */
  size_t text_length;
  const char* pair; /* NULL: a single text */
  size_t pair_length;
  const int32_t* ids;      /* these */
  const int32_t* segments; /* NULL: all 0 */
  const int32_t* mask;     /* NULL: all of them; else ones, then zeros, whose tokens do not count */
  size_t length;           /* of ids, segments and mask */
} bertq_input;

static inline bertq_input bertq_pair(const char* text, const char* pair) {
  bertq_input input;
  memset(&input, 0, sizeof input);
  input.size = (uint32_t)sizeof input;
  input.text = text;
  input.text_length = text ? strlen(text) : 0;
  input.pair = pair;
  input.pair_length = pair ? strlen(pair) : 0;
  return input;
}
static inline bertq_input bertq_text(const char* text) {
  return bertq_pair(text, NULL);
}
static inline bertq_input bertq_ids(const int32_t* ids, size_t length) {
  bertq_input input = bertq_pair(NULL, NULL);
  input.ids = ids;
  input.length = length;
  return input;
}

typedef struct bertq_token {
  int32_t id, segment;
  uint32_t begin, end; /* bytes of the text, or of the pair in segment 1; special tokens: 0, 0 */
} bertq_token;

/* A text or a pair to tokens, [CLS] and [SEP] included, cut to max_tokens unless that is 0. */
BERTQ_API bertq_status bertq_tokenize(const bertq_model* model, const bertq_input* input,
                                      size_t max_tokens, bertq_token* tokens, size_t capacity,
                                      size_t* count);

/* Sessions: what one thread needs to run a model */

typedef struct bertq_session_options {
  uint32_t size;
  int32_t truncate;  /* BERTQ_YES: cut texts that are too long, instead of refusing them */
  size_t threads;    /* default: the usable CPUs; never more than the CPU quota */
  size_t max_tokens; /* fewer than the model's */
} bertq_session_options;

BERTQ_API bertq_status bertq_session_create(const bertq_model* model,
                                            const bertq_session_options* options,
                                            bertq_session** session);
BERTQ_API bertq_status bertq_session_free(bertq_session* session);

typedef struct bertq_classification {
  size_t index; /* of the likeliest class */
  double score; /* its probability */
  int32_t truncated;
  int32_t reserved;
} bertq_classification;

/* `results` has room for `inputs`. */
BERTQ_API bertq_status bertq_classify(bertq_session* session, const bertq_input* inputs,
                                      size_t inputs_count, bertq_classification* results);
/* [inputs][outputs]: of a head that regresses, the values. */
BERTQ_API bertq_status bertq_logits(bertq_session* session, const bertq_input* inputs,
                                    size_t inputs_count, float* logits, size_t capacity,
                                    size_t* count);

enum { BERTQ_MEAN = 1, BERTQ_CLS = 2 };
typedef struct bertq_embed_options {
  uint32_t size;
  int32_t pooling;   /* BERTQ_MEAN, BERTQ_CLS; default: as the checkpoint says, else BERTQ_MEAN */
  int32_t normalize; /* BERTQ_YES, BERTQ_NO; default: as the checkpoint says, else BERTQ_YES */
  int32_t reserved;
} bertq_embed_options;

/* [inputs][hidden] */
BERTQ_API bertq_status bertq_embed(bertq_session* session, const bertq_input* inputs,
                                   size_t inputs_count, const bertq_embed_options* options,
                                   float* vectors, size_t capacity, size_t* count);
/* [tokens][hidden], those of all inputs one after another. Computed before it is known that they do
   not fit, unless the inputs are ids. Masked tokens have no row. */
BERTQ_API bertq_status bertq_hidden_states(bertq_session* session, const bertq_input* inputs,
                                           size_t inputs_count, float* states, size_t capacity,
                                           size_t* count);

typedef struct bertq_answer_options {
  uint32_t size;
  int32_t may_be_unanswerable; /* BERTQ_YES: "no answer" is one of the candidates */
  size_t n_best;               /* default 20 */
  size_t max_answer;           /* tokens; default 30 */
  size_t max_question;         /* tokens; default 64 */
  size_t max_window;           /* tokens; default 384 */
  size_t doc_stride;           /* tokens; default 128, or what fits */
  double null_threshold;
} bertq_answer_options;

typedef struct bertq_candidate {
  size_t begin, end; /* bytes of the context; "no answer" has none */
  double score;      /* probability among the candidates */
  double begin_logit, end_logit;
} bertq_candidate;

typedef struct bertq_answer_result {
  uint32_t size;
  int32_t answered; /* 0: there is no answer */
  bertq_candidate best;
  double null_odds; /* by how much "no answer" beats the best, in logits */
} bertq_answer_result;

/* `input`: bertq_pair(question, context). The candidates are the likeliest first; NULL and 0 if
   only the best one is wanted. */
BERTQ_API bertq_status bertq_answer(bertq_session* session, const bertq_input* input,
                                    const bertq_answer_options* options,
                                    bertq_answer_result* answer, bertq_candidate* candidates,
                                    size_t capacity, size_t* count);

/* Queues: requests of many threads, run together */

typedef struct bertq_queue_options {
  uint32_t size;
  int32_t truncate;           /* BERTQ_YES: cut texts that are too long */
  size_t instances;           /* batches that run side by side; default 1 */
  size_t threads;             /* of each; default: the usable CPUs, divided among the instances */
  size_t max_batch_tokens;    /* default: as many as are efficient on this CPU */
  size_t max_waiting_tokens;  /* default 65536; what would exceed them is BERTQ_BUSY, at once */
  uint64_t max_delay_us;      /* how long an idle instance lets a request wait for company */
  int32_t pooling, normalize; /* as in bertq_embed_options */
} bertq_queue_options;

/* Called once for each request that was accepted, on a thread of the queue, with the request's
   logits or its vector, which hold during the call; or with a status that is not BERTQ_OK, no
   values, and bertq_last_error() set. It holds up the next batch. It may submit; it must not throw,
   nor free the queue, which is BERTQ_USAGE. */
typedef void (*bertq_done)(void* context, bertq_status status, const float* values, size_t count);

/* The same of an answer and its candidates, the likeliest first. That of a context without words is
   delivered at once, by the thread that submits. */
typedef void (*bertq_answered)(void* context, bertq_status status,
                               const bertq_answer_result* answer, const bertq_candidate* candidates,
                               size_t count);

BERTQ_API bertq_status bertq_queue_create(const bertq_model* model,
                                          const bertq_queue_options* options, bertq_queue** queue);
/* Runs what was accepted before it returns. */
BERTQ_API bertq_status bertq_queue_free(bertq_queue* queue);
/* Copies the input. What can never run is refused here, and `done` is not called. */
BERTQ_API bertq_status bertq_submit_logits(bertq_queue* queue, const bertq_input* input,
                                           bertq_done done, void* context);
BERTQ_API bertq_status bertq_submit_embed(bertq_queue* queue, const bertq_input* input,
                                          bertq_done done, void* context);
/* `input`: as in bertq_answer. A context of several windows is accepted whole or not at all. */
BERTQ_API bertq_status bertq_submit_answer(bertq_queue* queue, const bertq_input* input,
                                           const bertq_answer_options* options, bertq_answered done,
                                           void* context);

#ifdef __cplusplus
}
#endif

#endif
