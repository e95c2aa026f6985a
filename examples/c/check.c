/*
 * Checks one request against a patch set: what a C program does to embed stanch.
 *
 *   check SET KEY [-m METHOD] [-t TARGET] [-H 'NAME: VALUE']... [-b BODY_FILE]
 *
 * Prints what is to be done with the request, and for a hit the leak and where the token stood;
 * never the token. Exit status: 0 let it pass, 1 refuse it, 2 something is wrong.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stanch.h>

#define MAX_HEADERS 64
#define PIECE 65536

static stanch_slice text(const char *string)
{
    stanch_slice slice = { (const uint8_t *) string, strlen(string) };
    return slice;
}

static int fail(const char *what, int32_t code)
{
    fprintf(stderr, "check: %s: %s\n", what, stanch_status_text(code));
    return 2;
}

/* The body may come in pieces of any size; a token may stand across two of them. */
static int32_t feed_body(stanch_scan *scan, FILE *file)
{
    static uint8_t piece[PIECE];
    int32_t code = STANCH_OK;
    size_t length;

    while (code == STANCH_OK && (length = fread(piece, 1, sizeof piece, file)) > 0) {
        stanch_slice slice = { piece, length };
        code = stanch_scan_body(scan, &slice, 1);
    }
    return code == STANCH_OK && ferror(file) ? STANCH_ERROR_IO : code;
}

static int print(const stanch_verdict *verdict)
{
    printf("%s", stanch_action_name(verdict->action));
    if (verdict->action != STANCH_ACTION_PASS) {
        char views[STANCH_VIEWS_TEXT];
        stanch_views_text(verdict->views, views, sizeof(views));
        printf(" leak %llu part %s view %s offset %llu", (unsigned long long) verdict->leak,
               stanch_part_name(verdict->part), views,
               (unsigned long long) verdict->offset);
    }
    printf("\n");
    return verdict->action == STANCH_ACTION_BLOCK ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *method = "GET", *target = "/", *body = NULL;
    stanch_header headers[MAX_HEADERS];
    size_t count = 0;
    int option;

    while ((option = getopt(argc, argv, "m:t:H:b:")) != -1) {
        if (option == 'm') {
            method = optarg;
        } else if (option == 't') {
            target = optarg;
        } else if (option == 'b') {
            body = optarg;
        } else if (option == 'H' && count < MAX_HEADERS && strchr(optarg, ':') != NULL) {
            const char *colon = strchr(optarg, ':');
            headers[count].name = text(optarg);
            headers[count].name.len = (size_t) (colon - optarg);
            headers[count].value = text(colon + 1 + strspn(colon + 1, " \t"));
            count++;
        } else {
            optind = argc + 1;
            break;
        }
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: check [-m METHOD] [-t TARGET] [-H 'NAME: VALUE']... [-b BODY_FILE]"
                        " SET KEY\n");
        return 2;
    }

    /* Once, when the program starts: a set can be shared by all threads and by forked workers. */
    stanch_error error = { .size = sizeof error };
    stanch_set *set = NULL;
    int32_t code = stanch_set_open(text(argv[optind]), text(argv[optind + 1]), &error, &set);
    if (code != STANCH_OK) {
        fprintf(stderr, "check: %s\n", error.message);
        return 2;
    }

    /* For each request: memory of the size and alignment that the set asks for. aligned_alloc
     * wants a size that is a multiple of the alignment. */
    size_t size = 0, align = stanch_scan_align();
    code = stanch_scan_size(set, &size);
    void *memory = code == STANCH_OK ? aligned_alloc(align, (size + align - 1) / align * align) : NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_scan *scan = NULL;
    FILE *file = body != NULL ? fopen(body, "rb") : NULL;
    int status = 2;

    if (memory == NULL || (body != NULL && file == NULL)) {
        perror(body != NULL ? body : "check");
    } else if ((code = stanch_scan_init(set, memory, size, &scan)) != STANCH_OK
               || (code = stanch_scan_request(scan, text(method), text(target))) != STANCH_OK
               || (code = stanch_scan_headers(scan, headers, count)) != STANCH_OK
               || (file != NULL && (code = feed_body(scan, file)) != STANCH_OK)
               || (code = stanch_scan_finish(scan, &verdict)) != STANCH_OK)
    {
        status = fail("the request cannot be scanned", code);
    } else {
        status = print(&verdict);
    }

    if (file != NULL) {
        fclose(file);
    }
    free(memory);
    stanch_set_free(set);
    return status;
}
