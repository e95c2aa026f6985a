/*
 * Scores and ratings: the cases that docs/risk.md works out, the same bytes as through Rust, policies, and
 * numbers that are none.
 */

#include "abi_test.h"

/* A line of the file that Rust wrote: factors, and what they come to. */
#define GIVEN 12
#define COME_TO (8 + STANCH_FACTORS)

static const stanch_factors found = {
    .size = sizeof found,
    .privilege = STANCH_PRIVILEGE_WRITE,
    .breadth = STANCH_BREADTH_WIDE,
    .channel = STANCH_CHANNEL_REPOSITORY,
    .sources = 1,
    .exploitation = STANCH_EXPLOITATION_NONE,
    .days = 1,
    .environment = STANCH_ENVIRONMENT_PRODUCTION,
    .rotation = STANCH_ROTATION_UNKNOWN,
    .validity = STANCH_VALIDITY_UNVERIFIED,
};

static stanch_assessment assess(const stanch_risk_policy *policy, const stanch_factors *factors)
{
    stanch_assessment assessment = { .size = sizeof assessment };

    CHECK_CODE(stanch_risk_assess(policy, factors, &assessment), STANCH_OK);
    return assessment;
}

/* What the explanation says must come to the score, whatever the score is. */
static uint32_t explained(const stanch_assessment *assessment)
{
    uint32_t score = 0;
    size_t i;

    for (i = 0; i < STANCH_FACTORS; i++) {
        score += assessment->terms[i];
    }
    CHECK(score == assessment->sum);
    if (assessment->floor != STANCH_FLOOR_NONE && score < assessment->floor_score) {
        score = assessment->floor_score;
    }
    if (assessment->cap != STANCH_CAP_NONE && score > assessment->cap_score) {
        score = assessment->cap_score;
    }
    return score;
}

static void check_case(const stanch_factors *factors, uint32_t score, uint32_t level,
                       uint32_t grade, int line)
{
    stanch_assessment assessment = assess(NULL, factors);
    stanch_rated token = { .token = { 1 }, .residual = assessment.score };
    stanch_ratings ratings = { .size = sizeof ratings };

    check(assessment.score == score, "score", __FILE__, line);
    check(assessment.level == level, "level", __FILE__, line);
    check(explained(&assessment) == score, "explanation", __FILE__, line);
    CHECK_CODE(stanch_risk_rate(NULL, &token, 1, &ratings), STANCH_OK);
    check(ratings.nhi_exposure.grade == grade, "grade", __FILE__, line);
}

static void check_cases(void)
{
    stanch_factors stripe = found, pair = found, half = found, facebook = found, root = found;
    stanch_assessment assessment;

    stripe.privilege = STANCH_PRIVILEGE_PAYMENT_OR_DEPLOY;
    stripe.channel = STANCH_CHANNEL_PAGE;
    check_case(&stripe, 70, STANCH_LEVEL_HIGH, STANCH_GRADE_F, __LINE__);
    assessment = assess(NULL, &stripe);
    CHECK(assessment.floor == STANCH_FLOOR_EXPOSED && assessment.floor_score == 70);
    CHECK(assessment.cap == STANCH_CAP_NONE && assessment.cap_score == 0);
    CHECK(assessment.terms[STANCH_FACTOR_PRIVILEGE] == 30);
    CHECK(assessment.terms[STANCH_FACTOR_CHANNEL] == 18);

    pair.privilege = STANCH_PRIVILEGE_ADMIN;
    pair.channel = STANCH_CHANNEL_BUCKET;
    pair.validity = STANCH_VALIDITY_VALID;
    check_case(&pair, 70, STANCH_LEVEL_HIGH, STANCH_GRADE_F, __LINE__);

    half.is_half = 1;
    check_case(&half, 54, STANCH_LEVEL_MEDIUM, STANCH_GRADE_D, __LINE__);

    facebook.privilege = STANCH_PRIVILEGE_PUBLIC;
    facebook.channel = STANCH_CHANNEL_APP;
    check_case(&facebook, 19, STANCH_LEVEL_INFORMATIONAL, STANCH_GRADE_B, __LINE__);

    root.privilege = STANCH_PRIVILEGE_ADMIN;
    root.validity = STANCH_VALIDITY_INVALID;
    check_case(&root, 15, STANCH_LEVEL_INFORMATIONAL, STANCH_GRADE_B, __LINE__);
    assessment = assess(NULL, &root);
    CHECK(assessment.cap == STANCH_CAP_INVALID && assessment.cap_score == 15);

    pair.exploitation = STANCH_EXPLOITATION_ACCEPTED;
    check_case(&pair, 90, STANCH_LEVEL_HIGH, STANCH_GRADE_F, __LINE__);
    CHECK(assess(NULL, &pair).is_critical == 1);
}

/* Rust wrote factors and what it made of them; C must make the same of them, number by number. */
static void check_same_as_rust(const fixture *given)
{
    static uint32_t lines[(GIVEN + COME_TO) * 8192];
    size_t length = read_file(given, "assessments", lines, sizeof lines);
    size_t count = length / sizeof *lines / (GIVEN + COME_TO), i, differ = 0;

    CHECK(count >= 4096 && length % (sizeof *lines * (GIVEN + COME_TO)) == 0);
    for (i = 0; i < count; i++) {
        const uint32_t *line = lines + i * (GIVEN + COME_TO);
        stanch_factors factors = { .size = sizeof factors };
        stanch_assessment assessment = { .size = sizeof assessment };

        /* All that follows the size is numbers of 32 bits, in either struct. */
        memcpy((char *) &factors + offsetof(stanch_factors, privilege), line,
               GIVEN * sizeof *line);
        differ += stanch_risk_assess(NULL, &factors, &assessment) != STANCH_OK
                  || memcmp((const char *) &assessment + offsetof(stanch_assessment, score),
                            line + GIVEN, COME_TO * sizeof *line) != 0;
    }
    CHECK(differ == 0);
}

static void check_factors(void)
{
    static const struct {
        size_t offset;
        uint32_t none;          /* a number that is none */
    } fields[] = {
        { offsetof(stanch_factors, privilege), STANCH_PRIVILEGE_ADMIN + 1 },
        { offsetof(stanch_factors, privilege), 0 },
        { offsetof(stanch_factors, breadth), STANCH_BREADTH_WIDE + 1 },
        { offsetof(stanch_factors, channel), STANCH_CHANNEL_MARKET + 1 },
        { offsetof(stanch_factors, exploitation), STANCH_EXPLOITATION_ACCEPTED + 1 },
        { offsetof(stanch_factors, environment), STANCH_ENVIRONMENT_PRODUCTION + 1 },
        { offsetof(stanch_factors, rotation), STANCH_ROTATION_OVERDUE + 1 },
        { offsetof(stanch_factors, rotation), 0 },
        { offsetof(stanch_factors, validity), STANCH_VALIDITY_VALID + 1 },
        { offsetof(stanch_factors, validity), 0 },
        { offsetof(stanch_factors, is_generic), 2 },
        { offsetof(stanch_factors, is_contextual), 2 },
        { offsetof(stanch_factors, is_half), UINT32_MAX },
    };
    stanch_assessment assessment, before;
    stanch_factors factors = found;
    size_t i;

    memset(&assessment, 0x5a, sizeof assessment);
    assessment.size = sizeof assessment;
    before = assessment;
    for (i = 0; i < sizeof fields / sizeof *fields; i++) {
        factors = found;
        memcpy((char *) &factors + fields[i].offset, &fields[i].none, sizeof fields[i].none);
        CHECK_CODE(stanch_risk_assess(NULL, &factors, &assessment), STANCH_ERROR_ARGUMENT);
    }
    factors = found;
    CHECK_CODE(stanch_risk_assess(NULL, NULL, &assessment), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_risk_assess(NULL, &factors, NULL), STANCH_ERROR_NULL);
    factors.size--;
    CHECK_CODE(stanch_risk_assess(NULL, &factors, &assessment), STANCH_ERROR_ARGUMENT);
    CHECK(memcmp(&assessment, &before, sizeof before) == 0);
    factors.size++;
    assessment.size--;
    CHECK_CODE(stanch_risk_assess(NULL, &factors, &assessment), STANCH_ERROR_ARGUMENT);
    assessment.size += 2;
    CHECK_CODE(stanch_risk_assess(NULL, &factors, &assessment), STANCH_OK);
    CHECK(assessment.score == 54 && assessment.size == sizeof assessment + 1);

    /* No number of sources or days is too many. */
    factors.sources = factors.days = UINT32_MAX;
    CHECK(assess(NULL, &factors).terms[STANCH_FACTOR_DAYS] == 10);
    CHECK(assess(NULL, &factors).terms[STANCH_FACTOR_SOURCES] == 3);
    factors.sources = 0;
    CHECK(assess(NULL, &factors).terms[STANCH_FACTOR_SOURCES] == 0);
}

static void check_policy(void)
{
    stanch_risk_weights weights = { .size = sizeof weights }, usual;
    stanch_error error = { .size = sizeof error };
    stanch_risk_policy *policy = NULL;
    stanch_factors factors = found;
    uint32_t left = 0;

    CHECK_CODE(stanch_risk_weights_default(NULL), STANCH_ERROR_NULL);
    weights.size--;
    CHECK_CODE(stanch_risk_weights_default(&weights), STANCH_ERROR_ARGUMENT);
    weights.size++;
    CHECK_CODE(stanch_risk_weights_default(&weights), STANCH_OK);
    CHECK(weights.privilege[STANCH_PRIVILEGE_ADMIN - 1] == 36 && weights.rating_per == 20);
    CHECK(weights.families[STANCH_FAMILY_CODE] == 80 && weights.environment[STANCH_ENVIRONMENT_TEST] == 0);
    usual = weights;

    CHECK_CODE(stanch_risk_policy_new(NULL, &error, &policy), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, NULL), STANCH_ERROR_NULL);
    weights.size--;
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, &policy), STANCH_ERROR_ARGUMENT);
    weights.size += 2;
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, &policy), STANCH_ERROR_ARGUMENT);
    CHECK(strstr(error.message, "weights") != NULL);

    weights = usual;
    weights.channel[STANCH_CHANNEL_MARKET] = 21;
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, &policy), STANCH_ERROR_POLICY);
    CHECK(error.code == STANCH_ERROR_POLICY);
    CHECK(strcmp(error.message,
                 "policy: channel.market: 21 is less than the 22 of channel.repository") == 0);
    weights = usual;
    weights.floor_exposed_privilege = 6;
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, &policy), STANCH_ERROR_POLICY);
    CHECK(strstr(error.message, "floors.exposed.privilege") != NULL);
    weights = usual;
    weights.floor_exposed_channel = 8;
    CHECK_CODE(stanch_risk_policy_new(&weights, NULL, &policy), STANCH_ERROR_POLICY);
    CHECK(policy == NULL);

    weights = usual;
    weights.cap_half = 50;
    weights.cap_protected = 12;
    CHECK_CODE(stanch_risk_policy_new(&weights, &error, &policy), STANCH_OK);
    factors.is_half = 1;
    CHECK(assess(policy, &factors).score == 50);
    CHECK(assess(policy, &factors).cap == STANCH_CAP_HALF);
    CHECK(assess(NULL, &factors).score == 54);

    CHECK_CODE(stanch_risk_residual(policy, 50, 1, &left), STANCH_OK);
    CHECK(left == 12);
    CHECK_CODE(stanch_risk_residual(policy, 50, 0, &left), STANCH_OK);
    CHECK(left == 50);
    CHECK_CODE(stanch_risk_residual(NULL, 70, 1, &left), STANCH_OK);
    CHECK(left == 44);
    CHECK_CODE(stanch_risk_residual(NULL, 7, 1, &left), STANCH_OK);
    CHECK(left == 7);
    CHECK_CODE(stanch_risk_residual(NULL, 101, 1, &left), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_risk_residual(NULL, 100, 2, &left), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_risk_residual(NULL, 100, 1, NULL), STANCH_ERROR_NULL);
    CHECK(left == 7);
    stanch_risk_policy_free(policy);
    stanch_risk_policy_free(NULL);
}

static void check_ratings(void)
{
    stanch_rated tokens[4] = {
        { .token = "cloud", .residual = 40, .family = STANCH_FAMILY_CLOUD },
        { .token = "chat", .residual = 60, .family = STANCH_FAMILY_MESSAGING },
        { .token = "cloud", .residual = 45, .family = STANCH_FAMILY_CLOUD },
        { .token = "other", .residual = 5, .family = STANCH_FAMILY_OTHER },
    };
    stanch_rated swapped;
    stanch_ratings ratings = { .size = sizeof ratings }, again = ratings;

    CHECK_CODE(stanch_risk_rate(NULL, NULL, 0, &ratings), STANCH_OK);
    CHECK(ratings.nhi_exposure.grade == STANCH_GRADE_A && ratings.nhi_exposure.tokens == 0);

    CHECK_CODE(stanch_risk_rate(NULL, tokens, 4, &ratings), STANCH_OK);
    CHECK(ratings.nhi_exposure.tokens == 3 && ratings.nhi_exposure.sum == 60 + 45 + 5);
    CHECK(ratings.nhi_exposure.worst == 60 && ratings.nhi_exposure.points == 60 + 2);
    CHECK(ratings.nhi_exposure.grade == STANCH_GRADE_D && ratings.nhi_exposure.reserved == 0);
    /* 45 of the cloud, 36 of the chat, 2 of the other. */
    CHECK(ratings.data_leak_susceptibility.sum == 45 + 36 + 2);
    CHECK(ratings.data_leak_susceptibility.points == 45 + 1);
    CHECK(ratings.data_leak_susceptibility.grade == STANCH_GRADE_D);

    /* Order does not matter. */
    swapped = tokens[0];
    tokens[0] = tokens[2];
    tokens[2] = swapped;
    CHECK_CODE(stanch_risk_rate(NULL, tokens, 4, &again), STANCH_OK);
    CHECK(memcmp(&ratings, &again, sizeof ratings) == 0);

    CHECK_CODE(stanch_risk_rate(NULL, NULL, 1, &again), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_risk_rate(NULL, tokens, 4, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_risk_rate(NULL, tokens, SIZE_MAX, &again), STANCH_ERROR_ARGUMENT);
    tokens[3].residual = 101;
    CHECK_CODE(stanch_risk_rate(NULL, tokens, 4, &again), STANCH_ERROR_ARGUMENT);
    tokens[3].residual = 5;
    tokens[3].family = STANCH_FAMILY_MESSAGING + 1;
    CHECK_CODE(stanch_risk_rate(NULL, tokens, 4, &again), STANCH_ERROR_ARGUMENT);
    again.size--;
    CHECK_CODE(stanch_risk_rate(NULL, tokens, 3, &again), STANCH_ERROR_ARGUMENT);
    again.size++;
    CHECK(memcmp(&ratings, &again, sizeof ratings) == 0);
}

static void check_names(void)
{
    CHECK(strcmp(stanch_level_name(STANCH_LEVEL_MEDIUM), "medium") == 0);
    CHECK(strcmp(stanch_grade_name(STANCH_GRADE_F), "F") == 0);
    CHECK(strcmp(stanch_factor_name(STANCH_FACTOR_ROTATION), "rotation") == 0);
    CHECK(strcmp(stanch_floor_name(STANCH_FLOOR_ACCEPTED), "accepted") == 0);
    CHECK(strcmp(stanch_cap_name(STANCH_CAP_UNVERIFIED), "unverified") == 0);
    CHECK(strcmp(stanch_cap_name(UINT32_MAX), "unknown") == 0);
    CHECK(strcmp(stanch_factor_name(STANCH_FACTORS), "unknown") == 0);
}

void check_risk(const fixture *given)
{
    check_cases();
    check_same_as_rust(given);
    check_factors();
    check_policy();
    check_ratings();
    check_names();
}
