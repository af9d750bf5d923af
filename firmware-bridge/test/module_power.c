/** Power that fails at every single write to the flash, and again at writes after the restart: there is always a whole, verified module. */
#include <string.h>

#include "module_rig.h"

/** What the fleet tells this device: 2, then 3, then to go back to 2, then 4. */
typedef struct {
    bool reverted;
    /** What ran when the power was there last. */
    uint32_t active;
} fleet_t;

/** The fleet goes on with a device that has just started, until it has module 4 or the power fails. Whether it has. */
static bool live(rig_t *rig, fleet_t *fleet)
{
    while (!rig->power.dead && (rig->module.active != 4U)) {
        uint32_t active = rig->module.active;

        fleet->active = active;
        if ((active == 3U) && !fleet->reverted) {
            fleet->reverted = (fm_module_revert(&rig->module) == FM_OK) && !rig->power.dead;
        } else {
            uint32_t next = fleet->reverted ? 4U : active + 1U;

            fm_module_want(&rig->module, next);
            module_pull(rig, module_offer(next));
            if (!rig->power.dead && !module_expect(rig->module.active == next, "not installed", rig->module.active, next)) {
                return true;
            }
        }
    }
    return !rig->power.dead;
}

/** A device with module 1 whose power fails after `first` writes, and after `second` more. False: it did not come to the first. */
static bool lose_power(uint32_t unitBytes, uint32_t first, uint32_t second)
{
    static rig_t rig;
    fleet_t fleet = { false, 1U };
    uint32_t lives[3] = { first, second, UINT32_MAX };
    bool lost = false;
    bool done = false;

    module_new(&rig, unitBytes);
    module_start(&rig, UINT32_MAX);
    fm_module_want(&rig.module, 1U);
    module_pull(&rig, module_offer(1U));
    rig.chunkWrites = 0U;
    rig.power.chance = (first * 977U) + (second * 31U);
    module_start(&rig, UINT32_MAX);
    rig.power.left = lives[0];
    for (uint32_t life = 0U; (life < 3U) && !done; life++) {
        if (life > 0U) {
            module_start(&rig, lives[life]);
            if (rig.power.dead) {
                continue;
            }
            uint32_t active = fleet.active;

            /* What ran before, or what was just being switched to. */
            module_expect((rig.runs == active) || (rig.runs == active + 1U) || ((active == 3U) && (rig.runs == 2U)) ||
                       ((active == 2U) && (rig.runs == 4U)),
                   "another module runs after a restart", rig.runs, active);
            module_expect((rig.runs != 0U) && (rig.runs == rig.module.active) && module_whole(&rig), "no whole module after a restart", first, second);
            /* The fleet hears of what became of its word. */
            fleet.reverted = fleet.reverted || ((active == 3U) && (rig.runs == 2U)) || (rig.runs == 4U);
        }
        done = live(&rig, &fleet);
        lost = lost || (life == 0U && !done);
    }
    module_expect(done && (rig.runs == 4U) && module_whole(&rig), "module 4 does not run in the end", first, second);
    module_expect(!rig.power.misused, "flash is programmed where it is not erased", first, second);
    if (second == UINT32_MAX) {
        uint32_t chunks = 0U;

        for (uint32_t sequence = 2U; sequence <= 4U; sequence++) {
            chunks += (module_offer(sequence)->module.size + module_offer(sequence)->chunkBytes - 1U) / module_offer(sequence)->chunkBytes;
        }
        /* A download goes on where it was. */
        module_expect(rig.chunkWrites <= chunks + 1U, "chunks are fetched again", rig.chunkWrites, chunks);
    }
    return lost;
}

/* Of the writes after a restart, every so many are tried. */
#define STRIDE 43U

void module_lose_power(uint32_t unitBytes)
{
    uint32_t first = 0U;

    while (lose_power(unitBytes, first, UINT32_MAX)) {
        for (uint32_t second = first % STRIDE; (unitBytes > 1U) && (second < 90U); second += STRIDE) {
            (void)lose_power(unitBytes, first, second);
        }
        first++;
    }
    module_expect(first > 100U, "too few writes", first, unitBytes);
}
