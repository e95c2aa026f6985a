/*
 * The directives of the module and its place in nginx's phases.
 */

#include "ngx_http_stanch.h"

static void *ngx_http_stanch_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_stanch_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_stanch_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_http_stanch_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static ngx_int_t ngx_http_stanch_init(ngx_conf_t *cf);
static char *ngx_http_stanch_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_set_attempt_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_set_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_set_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_set_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_set_public_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_stanch_read_file(ngx_conf_t *cf, ngx_http_stanch_file_t *file);

static ngx_conf_enum_t  ngx_http_stanch_modes[] = {
    { ngx_string("off"), NGX_HTTP_STANCH_OFF },
    { ngx_string("monitor"), NGX_HTTP_STANCH_MONITOR },
    { ngx_string("on"), NGX_HTTP_STANCH_ON },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_stanch_fails[] = {
    { ngx_string("open"), NGX_HTTP_STANCH_FAIL_OPEN },
    { ngx_string("closed"), NGX_HTTP_STANCH_FAIL_CLOSED },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_stanch_unreadables[] = {
    { ngx_string("pass"), NGX_HTTP_STANCH_UNREADABLE_PASS },
    { ngx_string("block"), NGX_HTTP_STANCH_UNREADABLE_BLOCK },
    { ngx_null_string, 0 }
};

static ngx_conf_num_bounds_t  ngx_http_stanch_ratio_bounds = {
    ngx_conf_check_num_bounds, 1, 1032
};

static ngx_conf_num_bounds_t  ngx_http_stanch_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};

/* Lines a second, or at once. */
#define NGX_HTTP_STANCH_MOST_LINES  1000000

#define NGX_HTTP_STANCH_ANYWHERE \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1)

static ngx_command_t  ngx_http_stanch_commands[] = {

    { ngx_string("stanch"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_http_stanch_set_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, mode),
      &ngx_http_stanch_modes },

    { ngx_string("stanch_patches"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_http_stanch_set_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, patches),
      NULL },

    { ngx_string("stanch_key"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_http_stanch_set_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, key),
      NULL },

    { ngx_string("stanch_public_key"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_http_stanch_set_public_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("stanch_min_serial"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, min_serial),
      NULL },

    { ngx_string("stanch_status"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, status),
      &ngx_http_stanch_status_bounds },

    { ngx_string("stanch_body_limit"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, body_limit),
      NULL },

    { ngx_string("stanch_body_unreadable"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, unreadable),
      &ngx_http_stanch_unreadables },

    { ngx_string("stanch_inflate_limit"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, inflate_limit),
      NULL },

    { ngx_string("stanch_inflate_ratio"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, inflate_ratio),
      &ngx_http_stanch_ratio_bounds },

    { ngx_string("stanch_fail"),
      NGX_HTTP_STANCH_ANYWHERE,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, fail),
      &ngx_http_stanch_fails },

    { ngx_string("stanch_watch"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_stanch_main_conf_t, watch),
      NULL },

    { ngx_string("stanch_attempt_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_stanch_set_attempt_rate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("stanch_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_stanch_set_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_stanch_main_conf_t, zone_size),
      NULL },

    { ngx_string("stanch_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_stanch_set_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_stanch_loc_conf_t, metrics),
      NULL },

      ngx_null_command
};

static ngx_http_module_t  ngx_http_stanch_module_ctx = {
    ngx_http_stanch_add_variables,         /* preconfiguration */
    ngx_http_stanch_init,                  /* postconfiguration */

    ngx_http_stanch_create_main_conf,      /* create main configuration */
    ngx_http_stanch_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_stanch_create_loc_conf,       /* create location configuration */
    ngx_http_stanch_merge_loc_conf         /* merge location configuration */
};

ngx_module_t  ngx_http_stanch_module = {
    NGX_MODULE_V1,
    &ngx_http_stanch_module_ctx,           /* module context */
    ngx_http_stanch_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_stanch_watch_init,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_stanch_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_stanch_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_stanch_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&conf->sets, cf->pool, 1, sizeof(ngx_http_stanch_set_t *)) != NGX_OK) {
        return NULL;
    }

    conf->watch = NGX_CONF_UNSET;
    conf->attempt_rate = NGX_CONF_UNSET;
    conf->attempt_burst = NGX_CONF_UNSET;
    conf->zone_size = NGX_CONF_UNSET_SIZE;

    return conf;
}


static char *
ngx_http_stanch_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_stanch_main_conf_t  *mcf = conf;

    ngx_conf_init_value(mcf->watch, 1);

    /* under attack that is some 30 KB a second */
    ngx_conf_init_value(mcf->attempt_rate, 100);
    ngx_conf_init_value(mcf->attempt_burst, 1000);

    ngx_conf_init_size_value(mcf->zone_size, 1024 * 1024);

    return NGX_CONF_OK;
}


static void *
ngx_http_stanch_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_stanch_loc_conf_t  *conf;

    /* ngx_pcalloc leaves both files without a path, keys and set NULL: not given */
    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_stanch_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->mode = NGX_CONF_UNSET_UINT;
    conf->status = NGX_CONF_UNSET_UINT;
    conf->min_serial = NGX_CONF_UNSET;
    conf->body_limit = NGX_CONF_UNSET;
    conf->unreadable = NGX_CONF_UNSET_UINT;
    conf->inflate_limit = NGX_CONF_UNSET;
    conf->inflate_ratio = NGX_CONF_UNSET;
    conf->fail = NGX_CONF_UNSET_UINT;
    conf->metrics = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_stanch_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    char                        *missing;
    ngx_http_stanch_loc_conf_t  *prev = parent;
    ngx_http_stanch_loc_conf_t  *conf = child;

    if (conf->mode == NGX_CONF_UNSET_UINT) {
        conf->mode_in = prev->mode_in;
        conf->mode_line = prev->mode_line;
    }

    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_HTTP_STANCH_OFF);
    ngx_conf_merge_uint_value(conf->status, prev->status, NGX_HTTP_FORBIDDEN);
    ngx_conf_merge_value(conf->min_serial, prev->min_serial, 0);
    ngx_conf_merge_off_value(conf->body_limit, prev->body_limit, 0);
    ngx_conf_merge_uint_value(conf->unreadable, prev->unreadable,
                              NGX_HTTP_STANCH_UNREADABLE_PASS);
    /* 0 stands for what the library takes for usual */
    ngx_conf_merge_off_value(conf->inflate_limit, prev->inflate_limit, 0);
    ngx_conf_merge_value(conf->inflate_ratio, prev->inflate_ratio, 0);
    ngx_conf_merge_uint_value(conf->fail, prev->fail, NGX_HTTP_STANCH_FAIL_CLOSED);

    if (conf->patches.path.data == NULL) {
        conf->patches = prev->patches;
    }

    if (conf->key.path.data == NULL) {
        conf->key = prev->key;
    }

    if (conf->public_keys == NULL) {
        conf->public_keys = prev->public_keys;
    }

    if (conf->mode == NGX_HTTP_STANCH_OFF) {
        return NGX_CONF_OK;
    }

    missing = conf->patches.path.data == NULL ? "stanch_patches"
              : conf->key.path.data == NULL ? "stanch_key" : NULL;

    if (missing) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"stanch\" needs the directive \"%s\" in %V:%ui",
                      missing, &conf->mode_in, conf->mode_line);
        return NGX_CONF_ERROR;
    }

    conf->set = ngx_http_stanch_sets_get(cf, conf);

    return conf->set ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * Puts the handler first into its phase's list, and so last to run: limit_req and limit_conn
 * count a request before its body is read, and realip has found the client's address. All of it
 * comes before access control, as a leaked token must not reach whoever checks tokens.
 */
static ngx_int_t
ngx_http_stanch_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;
    ngx_memmove(h + 1, h, (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    *h = ngx_http_stanch_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_stanch_zone_handler;

    return ngx_http_stanch_zone_add(cf);
}


/* The least that nginx makes of any zone. */
static char *
ngx_http_stanch_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_http_stanch_main_conf_t  *mcf = conf;

    rv = ngx_conf_set_size_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && mcf->zone_size < 8 * ngx_pagesize) {
        return "is too small: at least 8 pages are needed";
    }

    return rv;
}


/* "off", or a rate as limit_req_zone has it, and a burst as limit_req has it. */
static char *
ngx_http_stanch_set_attempt_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_http_stanch_main_conf_t  *mcf = conf;

    static ngx_str_t  unit = ngx_string("r/s");
    static ngx_str_t  burst = ngx_string("burst=");

    if (mcf->attempt_rate != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        mcf->attempt_rate = 0;
        return NGX_CONF_OK;
    }

    if (value[1].len > unit.len
        && ngx_strncmp(value[1].data + value[1].len - unit.len, unit.data, unit.len) == 0)
    {
        mcf->attempt_rate = ngx_atoi(value[1].data, value[1].len - unit.len);
    }

    if (mcf->attempt_rate <= 0 || mcf->attempt_rate > NGX_HTTP_STANCH_MOST_LINES) {
        return "needs \"off\" or a rate from 1r/s to 1000000r/s";
    }

    mcf->attempt_burst = mcf->attempt_rate;

    if (cf->args->nelts == 3) {
        if (ngx_strncmp(value[2].data, burst.data, burst.len) != 0) {
            return "knows no other parameter than \"burst\"";
        }

        mcf->attempt_burst = ngx_atoi(value[2].data + burst.len, value[2].len - burst.len);
    }

    if (mcf->attempt_burst <= 0 || mcf->attempt_burst > NGX_HTTP_STANCH_MOST_LINES) {
        return "needs a burst from 1 to 1000000";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_stanch_set_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_stanch_loc_conf_t   *lcf = conf;
    ngx_http_stanch_main_conf_t  *mcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && lcf->metrics) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = ngx_http_stanch_metrics_handler;

        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stanch_module);
        mcf->metrics = 1;
    }

    return rv;
}


static char *
ngx_http_stanch_set_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stanch_loc_conf_t  *lcf = conf;

    lcf->mode_in = cf->conf_file->file.name;
    lcf->mode_line = cf->conf_file->line;

    return ngx_conf_set_enum_slot(cf, cmd, conf);
}


/* A file is opened when the levels are merged; an error then still names the directive's place. */
static char *
ngx_http_stanch_set_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stanch_file_t  *file;

    file = (ngx_http_stanch_file_t *) ((char *) conf + cmd->offset);

    return file->path.data ? "is duplicate" : ngx_http_stanch_read_file(cf, file);
}


/* Several keys may be given; those of a level take the place of all those of the level above. */
static char *
ngx_http_stanch_set_public_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_stanch_file_t      *file;
    ngx_http_stanch_loc_conf_t  *slcf = conf;

    if (slcf->public_keys == NULL) {
        slcf->public_keys = ngx_array_create(cf->pool, 2, sizeof(ngx_http_stanch_file_t));
        if (slcf->public_keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    file = ngx_array_push(slcf->public_keys);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_stanch_read_file(cf, file);
}


static char *
ngx_http_stanch_read_file(ngx_conf_t *cf, ngx_http_stanch_file_t *file)
{
    ngx_str_t         *value = cf->args->elts;

    /* what the line in the file of a public key begins with */
    static ngx_str_t   word = ngx_string("stanch-public-key-v1 ");

    if (value[1].len == 0) {
        return "needs the name of a file";
    }

    file->path = value[1];
    file->in = cf->conf_file->file.name;
    file->line = cf->conf_file->line;
    file->literal = value[1].len > word.len
                    && ngx_strncmp(value[1].data, word.data, word.len) == 0;

    if (!file->literal && ngx_conf_full_name(cf->cycle, &file->path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
