"""The plots of the story generator: each is a text with the story's plan and its sentences.

How to add a plot: write its text and put it into ``PLOTS``. In the text

- an empty line begins a new paragraph;
- ``-`` begins a slot, and ``|`` stands between the sentences of which the slot takes one
  (nothing after a ``|`` means that the slot may stay empty);
- a slot ``<name>`` takes a sentence from the slot of that name in ``SHARED``;
- a word in braces is drawn from the pool of that name in ``lexicon.py`` when the story first
  says it, and stays the same from there on: see ``Words`` in ``stories.py``.

The rules that keep a story sound, whatever is drawn:

- ``{he}`` is always the hero; a friend is called by name, or by ``{friend.he}`` where no other
  reading is possible;
- whoever acts has been introduced: a friend with ``{pal}`` or ``{buddy}``, one of the family
  with ``{his} {grownup}``;
- the weather is named only where the pools allow any weather.
"""

from typing import NamedTuple

from cygnet.text.lexicon import ANIMAL, KID

Slot = tuple[str, ...]

WORLDS = {"kid": KID, "animal": ANIMAL}


class Plot(NamedTuple):
    """A plot: its name, the worlds it can happen in, and its slots, paragraph by paragraph."""

    name: str
    worlds: tuple[str, ...]
    text: tuple[tuple[Slot, ...], ...]


def _slot(text: str) -> Slot:
    """Read one slot: the sentences between the bars, or the shared slot that is named."""
    text = " ".join(text.split())
    if text.startswith("<"):
        return SHARED[text.strip("<>")]
    return tuple(sentence.strip() for sentence in text.split("|"))


def _plot(name: str, worlds: str, text: str) -> Plot:
    """Read one plot from its text."""
    paragraphs = text.strip().removeprefix("- ").split("\n\n- ")
    return Plot(
        name,
        tuple(worlds.split()),
        tuple(tuple(_slot(slot) for slot in block.split("\n- ")) for block in paragraphs),
    )


# Sentences that more than one plot can use. A number (``{tree2}``) keeps a word apart from that
# of the plot; without one it is meant to come back (``{game}``, ``{fruits}``).
SHARED: dict[str, Slot] = {}
SHARED["opening"] = _slot("""
  Once upon a time, there was {a trait} {hero.kind} named {hero}.
| Once there was a little {hero.kind} named {hero}. {Hero} was very {trait}.
| Once upon a time, {a trait} {hero.kind} named {hero} lived in {a cozy} {hero.kind.home}.
| There was once {a trait} little {hero.kind} whose name was {hero}.
| {Hero} was {a trait} little {hero.kind}. {He} lived in {a cozy} {hero.kind.home}.
| In {a cozy} {hero.kind.home} near {a landmark3} lived {a trait} {hero.kind} named {hero}.
""")
SHARED["likes"] = _slot("""
  {He} liked {fruits}, and {he} liked to play {game}.
| {He} loved to eat {fruits}.
| {He} liked to count {sights}.
| {He} always wore {a color2} {clothes}.
| {He} was {trait2} and {trait3}, too.
|
|
""")
SHARED["way"] = _slot("""
  On the way, {he} saw {number} {sights}.
| {A bird} sang in {a tree2} tree.
| {He} {moved} past {a landmark4}.
| The air smelled of {smell}.
| {He} waved to {a bird} and to some {sights}.
|
|
""")

_LOST = _plot(
    "lost and found",
    "kid animal",
    """
- <opening>
- {Hero} had {a color} {toy}. {He} took the {toy} everywhere.
| {His} {grownup} had given {him} {a color} {toy}. {Hero} loved the {toy} very much.
| {His} favorite thing was {a color} {toy}. {He} even took the {toy} to bed.

- One {weather} {day}, {hero} took the {toy} to {place}.
| One {weather} {day}, {hero} {moved} to {place} with the {toy}.
- <way>
- {He} sat down to eat {a snack}. When {he} looked up, the {toy} was gone!
| {He} played for a long time. When {he} wanted to go home, the {toy} was gone!
| {He} stopped to rest. When {he} looked around, the {toy} was gone!
- "Oh no! Where is my {toy}?" cried {hero}.
| "My {toy} is lost!" cried {hero}. {He} felt very {sad}.
| {Hero} was very {sad}. "Where is my {toy}?" {he} said.
- {He} looked {place.spot2}, but the {toy} was not there.
| {He} looked {place.spot2}. No {toy}!
| {He} looked {place.spot2} and {place.spot3}, but {he} could not find the {toy}.
|

- Just then, {pal} came by. | Then {he} met {pal}.
- "I lost my {color} {toy}," said {hero}. | "I can not find my {color} {toy}," said {hero}.
- "Let us look together," said {friend}. "Where did you go first?"
| "I will help you," said {friend}. "Where were you before?"
- {Hero} thought hard. "{Place.spot}!" {he} said.
| "I think I was {place.spot}," said {hero}.
- They ran back and looked {place.spot}. There lay the {color} {toy}!
| They went back. And there, {place.spot}, they found the {color} {toy}!

- {Hero} jumped for joy. "Thank you, {friend}!" {he} said.
| {Hero} held the {toy} tight. "You are a good friend, {friend}," {he} said.
- On the way home, {hero} let {friend} carry the {toy}.
| They took turns with the {toy} until it was time to go home.
| {Hero} gave {friend} a big hug, and they shared some {fruits}.
|
- After that, {hero} never left the {toy} behind again.
| From then on, {hero} always looked for the {toy} before {he} went home.
""",
)

_BRAVE = _plot(
    "afraid, then brave",
    "kid animal",
    """
- <opening>
- {He} was afraid of only one thing. It was {scare}.
| {Hero} was not afraid of storms or spiders. But {he} was afraid of {scare}.
| There was one place {hero} did not like. It was {scare}.
- It was dark in there, and something went, "{Scare.noise}!"
| When {he} came near, something in there always went, "{Scare.noise}!"

- One {weather} {day}, {hero} was with {his} {dear}. They played {game} outside.
| One {weather} {day}, {hero} was outside with {his} {dear}.
- Suddenly {his} {dear} ran into {scare} and did not come back.
| Then {his} {dear} ran right into {scare} and was gone.
- "Come back!" called {hero}. But nobody came. | "Where are you?" called {hero}. Nobody came.
|
- {His} heart went thump, thump. | {His} knees began to shake. | {He} felt cold and small.
|
- "I am afraid," said {hero}, "but I must help."
| "I do not want to go in there," {he} said. "But I must find my {dear}."

- {Hero} took {a light} and counted to {number}. Then {he} went into {scare}.
| {Hero} got {a light}. {He} took a deep breath and went into {scare}, step by step.
- "{Scare.noise}!" went something. {Hero} held up the {light} and looked.
| Something went, "{Scare.noise}!" {Hero} wanted to run, but {he} held up the {light}.
- It was only {scare.truth}! {Hero} laughed out loud.
| "Oh!" said {hero}. "It is only {scare.truth}!"
- And there, behind {scare.thing}, sat {his} {dear}. "I found you!" said {hero}.
| {His} {dear} sat behind {scare.thing}. {Hero} was so {glad}!

- After that, {hero} was not afraid of {scare}. "It is only {scare.truth}," {he} said.
| From then on, when something went, "{Scare.noise}!" {hero} only smiled.
""",
)

_SKILL = _plot(
    "wants to learn a skill",
    "kid animal",
    """
- <opening>
- {He} wanted to learn to {skill} more than anything.
| {Hero} had one big wish. {He} wanted to {skill}.
| {Hero} wanted to learn something new. {He} wanted to {skill}.

- One {weather} {day}, {hero} tried it for the first time. But {he} {skill.fails}.
| So {hero} tried to {skill}. But {he} {skill.fails}.
- "It is too hard!" said {hero}. | "I can not do it," said {hero}. {He} was {sad}.
|
- {His} {grownup} sat down beside {him}. "It is hard at first," said {his} {grownup}.
  "{skill.tip}."
| "Let me tell you a secret," said {his} {grownup}. "{skill.tip}."
- {Hero} tried again. On Monday, {he} {skill.fails} again. On Tuesday, it went better.
| So {hero} practiced every day. The first day, {he} {skill.fails} again. The next day was better.
| {Hero} practiced for {number} days. Some days were good, and some days were bad.
| {Hero} did not stop. {He} practiced when it rained, and {he} practiced when the sun came out.

- Then one {weather2} {day2}, {hero} took a deep breath. "{skill.tip}," {he} said to {himself}.
| At last {hero} was ready. "{skill.tip}," {he} whispered.
- And then {he} {skill.did}! | This time, {he} {skill.did}!
- "I did it!" shouted {hero}. | "Look at me!" called {hero}.
| {His} {grownup} clapped and gave {him} {a snack}.

- The next week, {pal} wanted to {skill}, too. "It is too hard," said {friend}.
| Soon {pal} came to see. "I want to {skill}, too," said {friend}. "But it is so hard."
- {Hero} smiled. "It is hard at first," {he} said. "{skill.tip}."
| "I know a secret," said {hero}. "{skill.tip}."
- And {hero} helped {friend} every day. | Then they practiced together and laughed a lot.
""",
)

_QUARREL = _plot(
    "a quarrel, and friends again",
    "kid animal",
    """
- <opening>
- {He} had {buddy}. They played {game} every day.
| {He} had {buddy}. They were always together.

- One {weather} {day}, {hero} and {friend} {moved} to {place}. On the way, they found
  {a color} {toy}.
| One {weather} {day}, {hero} and {friend} went for a walk. By {a landmark}, they saw
  {a color} {toy}.
- "It is mine!" said {hero}. "No, it is mine!" said {friend}.
| "I saw it first!" said {hero}. "No, I saw it first!" said {friend}.
- {Hero} pulled, and {friend} pulled. | They both took the {toy} and would not let go.
- Then the {toy} slipped out of their hands and fell into {a mess}.
| Whoops! The {toy} flew up and landed in {a mess}.

- "{A toy} is no fun without {friend}," thought {hero}.
| "I do not want {a toy}," thought {hero}. "I want my friend."
- So {he} went back, took the {toy} out of the {mess} and washed it.
| So {he} went back to get the {toy}. {He} cleaned it until it was {color} again.
- Then {he} went to {friend}. "I am sorry," said {hero}. "You can have the {toy}."
| Then {he} {moved2} to {friend}'s {friend.kind.home}. "I am sorry that I pulled," said {hero}.
  "The {toy} is for you."
- "I am sorry, too," said {friend}. "Let us share it."
| "No, I am sorry," said {friend}. "It can be our {toy}."

- So one day the {toy} was with {hero}, and the next day it was with {friend}. A friend is better
  than {a toy}.
| So they took turns with the {color} {toy}, and nobody pulled any more. A friend is better than
  {a toy}.
""",
)

_STRANGER = _plot(
    "help for a stranger, who helps back",
    "kid",
    """
- <opening>
- <likes>
- {He} had {a color} {windy}. {He} loved the {windy} very much.
| For {his} birthday, {he} got {a color} {windy}. {He} took the {windy} everywhere.

- One {weather} {day}, {hero} {moved} down the road with the {windy}.
| One {weather} {day}, {hero} took the {windy} outside.
- By {a landmark}, {he} saw {a stranger} with a big bag of {stranger.load}.
| Then {a stranger} came along with a bag full of {stranger.load}.
- Rip! The bag broke, and the {stranger.load} fell all over the ground.
| All at once the bag tore, and the {stranger.load} fell on the road.
- {Hero} put down the {windy} and helped. {He} picked up the {stranger.load}, one by one.
| "I will help you," said {hero}. {He} picked up all the {stranger.load}.
- "Thank you," said the {stranger}. "I will not forget it."
| "How kind you are!" said the {stranger}. "Maybe I can help you one day."
|

- The next day, the wind blew hard. It took the {windy} and carried it up into {a tree} tree. {Hero}
  could not reach it.
| Then a strong wind came. It blew the {windy} high up into {a tree} tree. "Oh no!" cried {hero}.
- Just then, the {stranger} came by. "You helped me," said the {stranger}. "Now I will help you."
| "Do not cry," said a voice. It was the {stranger}! "Now it is my turn to help."
- The {stranger} got {a stranger.tool} and brought the {windy} down.
| With {a stranger.tool}, the {stranger} reached up and got the {windy}.

- {Hero} was {glad}. From that day on, {he} and the {stranger} were friends.
| After that, {hero} and the {stranger} always waved when they met.
""",
)

_TINY = _plot(
    "a small creature helped helps back",
    "kid animal",
    """
- <opening>
- <likes>

- One {weather} {day}, {hero} saw {a tiny}. It had fallen into {a water}.
| One {weather} {day}, {hero} heard a tiny voice. {A tiny} had fallen into {a water}.
- "Help!" cried the {tiny}. "My wings are wet!" | "Help! I can not fly!" cried the {tiny}.
- {Hero} held out {a float}, and the {tiny} climbed onto it.
| {Hero} took {a float} and lifted the {tiny} out.
- "Thank you," said the {tiny}. "One day I will help you, too."
| "You saved me," said the {tiny}. "I will save you one day."
- {Hero} laughed. "You are so small!" {he} said. | "But you are so small!" said {hero}.

- A week later, {hero} {moved} to {wilds} to look for {wild}.
| Some days later, {hero} went to {wilds} to play.
- <way>
- Then {trouble}, and {he} could not find the way home. | But {trouble}, and soon {he} was lost.
- Then {he} heard a small voice. It was the {tiny}! "Come with me," it said.
| "Do not be afraid," said a tiny voice. It was the {tiny}! "I know the way."
- The {tiny} flew past {a landmark} and past {a landmark2}, and {hero} ran after it, all the way to
  the {hero.kind.home}.
| {Hero} followed the {tiny} to {a landmark}, and then to {a landmark2}. And there was {his}
  {hero.kind.home}!

- "Thank you, little {tiny}," said {hero}. "You are small, but you are a big help."
| "Now you have saved me," said {hero}. "A small friend can be a big help."
- Every morning after that, {hero} put out a drop of honey for the {tiny}.
| From then on, the {tiny} came to see {hero} every day.
|
""",
)

_COOK = _plot(
    "cooking that goes wrong",
    "kid animal",
    """
- <opening>
- <likes>
- It was the birthday of {his} {grownup}. {Hero} wanted to make {a dish}.
| {His} {grownup} was tired from work. "I will make {a dish}," said {hero}.
| {His} {grownup} was coming home from a long trip. {Hero} wanted to make {a dish}.

- {He} took some {dish.part} and some {dish.part2}. {He} stirred and sang.
| {He} got out {a color} bowl, some {dish.part} and some {dish.part2}, and {he} began.
- {slip}
- "Oh no, my {dish}!" cried {hero}. "{slip.lesson}." | "It is all my fault," {he} said.
  "{slip.lesson}."

- Then {pal} came to the door. "Do not be {sad}," said {friend}. "We can make a new one."
| Just then, {pal} came in. "Do not cry," said {friend}. "Let us try again."
- So they made a new {dish}. This time, {slip.care}.
| They washed the bowl and began again. And this time, {slip.care}.

- "Look what we made!" said {hero}. | "This is for you," said {hero}.
|
- {His} {grownup} took a bite and smiled. "This is the best {dish} in the world!"
| {His} {grownup} tasted it. "Mmm! What a good {dish}!"
- {Hero} told {his} {grownup} about the first {dish}, and they all laughed.
| Then {hero}, {friend} and {his} {grownup} ate the {dish} until it was all gone.
- They drank {drink}, and everyone was {glad}. | "Next time we will make two," said {friend}. |
""",
)

_BUILD = _plot(
    "something built, broken and built better",
    "kid",
    """
- <opening>
- <likes>
- {Hero} wanted to build {a build}. | "I am going to build {a build}," {he} said one day.

- {He} got some {build.stuff} and some {build.stuff2} and went to work.
| {He} found some {build.stuff} by {a landmark}. Then {he} got some {build.stuff2}, too.
- {He} worked all day, all by {himself}. | {He} worked from morning until lunch.
|
- "My {build} is done!" {he} said. {He} was very {glad}. | At last the {build} was done.
|
- But the next day, {build.broke}. | But then something bad happened. {Build.broke}.
- "My poor {build}!" cried {hero}. | {Hero} was so {sad} that {he} wanted to stop.

- Then {pal} came to see the {build}. "What went wrong?" asked {friend}.
| {Pal} came by. "What happened to your {build}?" asked {friend}.
- {Hero} showed {friend} the {build}. "I was too quick," {he} said.
| "I built it in a hurry," said {hero}.
- "Then we will build it again, and better," said {friend}.
| "Two can build better than one," said {friend}. "Let us try again."
- They got more {build.stuff}. This time, they {build.mend}.
| They worked slowly, and they {build.mend}.
- {Friend} brought more {build.stuff2}, too. | They stopped only once, to eat {a snack}. |

- Soon the {build} was ready again. They {build.joy}.
| Now the {build} was better than before! {Hero} and {friend} {build.joy}.
- "It is not my {build}," said {hero}. "It is our {build}."
| "We are good builders," said {friend}, and {hero} laughed.
|
- And this time, the {build} did not break. | The {build} was strong, and so were the two friends.
""",
)

_GARDEN = _plot(
    "a seed that needs care",
    "kid animal",
    """
- <opening>
- {Hero} wanted to grow {a plant}. | {His} {grownup} gave {him} a seed. "It will be {a plant}!"

- In the spring, {hero} put the seed {garden}. {He} gave it water and waited.
| {He} made a small hole {garden}, put in the seed and gave it water.
- "Grow, little {plant}, grow!" said {hero}. | Every morning, {he} ran out to look.
|
- The first day, nothing came up. The next day, nothing came up.
| {He} waited {number} days. Nothing came up. |
|
- Then one {weather} morning, {he} saw a tiny green leaf! | At last a small green leaf came up!
- {mishap}
- "A plant can not ask for help," said {his} {grownup}. "You must take care of it."
| "Do not give up," said {his} {grownup}. "It needs you."

- So {hero} {mishap.mend}.
- {Pal} came and wanted to play {game}. "First I must help my {plant}," said {hero}.
| {He} came to see it on sunny days, and {he} came to see it on rainy days. | {He} sang to the
  {plant}, too.
|
- Day by day, the {plant} grew. | Soon new leaves came, and the {plant} grew and grew.
|

- In the summer, the {plant} was big and beautiful. {Hero} was so {glad}!
| One day in the summer, the {plant} was ready. It was the finest in the whole village.
- "It was so small, and now it is so big!" said {his} {grownup}.
| {His} {grownup} gave {him} a hug. "You helped it when it was weak."
- {Hero} kept {number2} new seeds in {a jar}. In the next spring, {he} would plant them all.
| And the next spring, {hero} planted {number2} more.
""",
)

_SURPRISE = _plot(
    "a secret present",
    "kid",
    """
- <opening>
- Soon it was the birthday of {his} {grownup}. {Hero} wanted to make {a gift}.
| {His} {grownup} had a birthday soon. "I will make {a gift}," said {hero}.
- "It will be a surprise," {he} said. | "But it must be a secret," {he} whispered. |

- {He} got some {gift.stuff} and some {gift.stuff2}. Then {he} {gift.made} {a color} {gift}.
| With {gift.stuff} and {gift.stuff2}, {he} {gift.made} {a color} {gift}.
- Just then, {his} {grownup} came in. "What are you doing?"
| Then there were steps at the door. It was {his} {grownup}! "What is that?"
- {Hero} hid the {gift} {hide}. "Nothing!" {he} said.
| "Nothing!" said {hero}. Quickly {he} put the {gift} {hide}.

- But on the birthday, {hero} could not find the {gift}! {He} had forgotten where it was.
| The big day came. But where was the {gift}? {Hero} had hidden it too well!
- {He} looked {hide2}. It was not there. {He} looked {hide3}. It was not there.
| {He} looked {hide2} and {hide3}. There was no {gift}.
- {Pal} came to help. "Close your eyes and think," said {friend}.
| {He} sat down, closed {his} eyes and thought. |
|
- Then {hero} remembered. {Hide}! And there was the {color} {gift}.
| "I know!" said {hero}. {He} looked {hide}, and there was the {color} {gift}!

- "Happy birthday!" said {hero}. {His} {grownup} looked at the {gift}. "How beautiful!"
| {Hero} gave the {gift} to {his} {grownup}. "Surprise!" {he} said.
- "So that is what you hid {hide}!" said {his} {grownup}, and they both laughed.
| "Did you make this {gift} for me?" asked {his} {grownup}. "It is the best present of all."
""",
)

_RULE = _plot(
    "a rule that was broken",
    "kid animal",
    """
- <opening>
- <likes>
- {His} {grownup} had a rule. "{rule}," said {his} {grownup}.
| "{rule}," said {his} {grownup} every day. It was a rule.
- "Yes, yes," said {hero}. | "I will not forget it," said {hero}. | {Hero} did not like the rule.

- One day, {his} {grownup} was busy. {rule.deed}.
| One {day}, nobody was looking. {rule.deed}.
- {rule.result}.
- "Oh no!" cried {hero}. {He} felt very {sad}. | "Oh no!" cried {hero}. "What have I done?"

- {His} {grownup} heard {him} and {rule.help}.
| {His} {grownup} came as fast as the wind and {rule.help}.
- "I am sorry," said {hero}. "I broke the rule."
| "It was my fault," said {hero}. "I did not listen to you. I am sorry."
- "I am glad that you told me," said {his} {grownup}. "Do you know now why we have the rule?"
| "I am not angry," said {his} {grownup}. "But now you know why we have the rule."

- The next day, {pal} came to play. "We have a rule," said {hero}. "{rule}."
| Some days later, {pal} came for {a snack}. "There is one rule," said {hero}. "{rule}."
- "Why?" asked {friend}. {Hero} told {friend} the whole story, and they both
  kept the rule.
| "Is it a silly rule?" asked {friend}. "No," said {hero}. "It is a good rule." So they both kept
  it.
""",
)

_JOURNEY = _plot(
    "the way home in bad weather",
    "kid animal",
    """
- <opening>
- {His} {kin} lived on the other side of {wilds}.

- One {day}, {hero} packed {a pack} and {a pack2} and went to see {his} {kin}.
| One {weather} {day}, {hero} went to see {his} {kin}, all by {himself}.
| One {day}, {he} {moved} off to visit {his} {kin}. In {his} bag {he} had {a pack} and {a pack2}.
- First {he} came to {a landmark}. Then {he} came to {a landmark2}.
| {He} went past {a landmark}. After that, {he} went past {a landmark2}.

- {His} {kin} gave {him} {a snack}, and soon it was time to go home. {storm} {Hero} could
  not see the path.
| {He} played {game} with {his} {kin}. But on the way home, the sky was gray. {storm} {Hero} was
  lost.
| {His} {kin} was {glad} to see {him}. But on the way home, {hero} looked up. {storm}
  {Hero} could not see the path.
- {He} sat down {shelter} and thought. | {He} hid {shelter} and waited a little.
|
|
- "First I saw the {landmark}, and then I saw the {landmark2}," {he} said. "Now I must find
  the {landmark2} first."
| "I must go back the same way," {he} said. "First to the {landmark2}, and then to
  the {landmark}."
- {He} went on, step by step. And there was the {landmark2}!
| {He} was brave and walked on. Yes! There was the {landmark2}.
- Then {he} saw the {landmark}, and behind it {his} own {hero.kind.home}!
| After that, {he} found the {landmark}. Now it was not far to {his} {hero.kind.home}.

- {His} {grownup} stood at the door. "How did you find the way?"
| "There you are!" said {his} {grownup}. "How did you find the way home?"
- "The {landmark2} and the {landmark} showed me the way," said {hero}.
| "I remembered the {landmark} and the {landmark2}," said {hero}.
- "How clever you are!" said {his} {grownup}, and {hero} got some hot {hot}.
| Then {he} sat by the fire in a warm blanket.
|
|
""",
)

_COINS = _plot(
    "a wish given up for something better",
    "kid",
    """
- <opening>
- In the window of the {shop}, {hero} saw {a color} {toy}.
| {Hero} wanted {a toy} more than anything. There was {a color} one in the {shop}.
- But the {toy} cost {number} coins. | It cost {number} coins, and {he} had none.

- So {hero} {chore} and {chore2}, and {his} {grownup} gave {him} some coins.
| One day {he} {chore}. The next day {he} {chore2}. {He} put what {he} earned into
  {a jar}.
- At last {he} had {number} coins. {He} {moved} to the {shop}.
| One {weather} {day}, {he} counted {number} coins. {He} took them to the {shop}.

- In front of the {shop} sat {a friend.kind}. {Friend.he} cried.
| By the door of the {shop} stood {a friend.kind} with tears on {friend.his} face.
- "I am {friend}," said the {friend.kind}. "My mother is sick, and we need {need}."
| "I am {friend}," said the {friend.kind}. "I lost my money, and we need {need} at home."
- "Take my coins," said {hero}. "You need them more."
| {Hero} gave all {number} coins to {friend}. "Here," {he} said. "These are for you."
- {Friend} was so {glad}! {Hero} went home without the {toy}, but {he} felt warm inside.
| "Thank you!" said {friend}. {Hero} had no {toy} now, but {he} was not {sad}.

- The next day, there was a knock at the door. It was {friend}! "Do you want to play {game}?"
| A few days later, {friend} came to the house. "I want to thank you," said {friend}. They shared
  {a snack}.
- After that, they played together every day. A friend was much better than {a toy}.
| "I did not get the {toy}," thought {hero}. "But I got a friend, and that is better."
""",
)

_BABY = _plot(
    "a baby animal looks for its mother",
    "kid animal",
    """
- <opening>
- <likes>

- One {weather} {day}, {hero} heard a sound by {a landmark}. "{baby.call}," it went.
| One {weather} {day}, {hero} {moved} past {a landmark}. "{baby.call}," said something there.
- It was a little {baby}! It was all alone. | There sat a lost little {baby}.
- "Come with me," said {hero}. "We will find your mother." | "I will help you," said {hero}.
|

- First they met {a baby2.mother} {baby2.where}. "Is this your baby?" asked {hero}.
| {Baby2.where}, they met {a baby2.mother}. "Is this your baby?" asked {hero}.
- "No," said the {baby2.mother}. "My baby is {a baby2}."
| "That is not my baby," said the {baby2.mother}. "My baby says, '{baby2.call}.'"
- Then they met {a baby3.mother} {baby3.where}. "Is this your baby?" asked {hero}.
- "No," said the {baby3.mother}. "But I heard {a baby.mother} {baby.where}."
| "No, no," said the {baby3.mother}. "But there is {a baby.mother} {baby.where}."
- So they went on. And there, {baby.where}, was the {baby.mother}!
| They ran on. {Baby.where}, they saw the {baby.mother}.

- "{baby.call}!" called the {baby}. "My baby! Thank you!" called the {baby.mother}.
| The {baby} was so {glad}! "{baby.call}!" it called, and ran to its mother. "Thank you, {hero},"
  said the {baby.mother}.
- At home, {his} {grownup} gave {him} a big hug. "Now I know how the {baby} felt," said {hero}.
| Then {hero} ran home to {his} own {grownup} and got a big hug, too.
|
- And when {he} went past the {landmark} again, {he} always thought of the little {baby}.
| The next day, the {baby} waited for {hero} at the {landmark}. "{baby.call}!" it said. |
""",
)

_NEW = _plot(
    "a shy new friend",
    "kid animal",
    """
- <opening>
- {He} wanted to play {game}, but {he} had nobody to play with.
| {His} favorite game was {game}. But it was no fun alone.

- One {weather} {day}, a new {friend.kind} came to live near {a landmark}. {Friend.his} name
  was {friend}.
| Then a new {friend.kind} named {friend} moved into the {friend.kind.home} by {a landmark}.
- "Do you want to play {game}?" asked {hero}. But {friend} only looked at the ground.
| "Hello!" said {hero}. "Will you play {game} with me?" But {friend} did not say a word.
- {Hero} was {sad}. "{Friend} does not like me," {he} said.
| {Hero} went home. "Why will {friend} not play with me?" {he} asked.
|
- "Maybe {friend} is shy," said {his} {grownup}. "Give it some time."
| "It is hard to be new," said {his} {grownup}. "Be kind and wait."

- So the next day, {hero} took {a color} {toy} and sat down by the {landmark}. {He} did not ask.
| The next day, {hero} put {a color} {toy} next to {friend} and smiled. {He} said nothing.
- After a while, {friend} came closer. "Is that your {toy}?" {friend.he} asked.
| {Friend} looked at the {toy} for a long time. "I like your {toy}," {friend.he} whispered.
- "Yes," said {hero}. "You can hold it." | "You can have a turn," said {hero}.
|
- "I do not know how to play {game}," said {friend}. "I will show you," said {hero}. So they played
  {game}.
| "Will you show me how to play {game}?" asked {friend}. "Of course!" said {hero}. So they played
  {game}.

- From that day on, {hero} always had a friend to play {game} with.
| Now {friend} was not shy any more, and {hero} was not alone any more.
- And the {toy}? It was for both of them. | "I am glad that you waited," said {friend}. |
""",
)

_SLEEP = _plot(
    "a night without sleep, and a dream",
    "kid animal",
    """
- <opening>
- <likes>

- One night, {hero} lay in bed and could not sleep. | It was late, but {hero} was wide awake.
- {He} hugged {his} {color} {toy}, but it did not help.
| {He} put {his} {color} {toy} under the pillow, but it did not help.
| {He} hugged {his} {color} {toy} and drank some {drink}, but it did not help.
| {He} held {his} {color} {toy} and counted {sights} in {his} head, but it did not help.
- "I can not sleep," {he} called. {His} {grownup} came in with {a light}.
| {He} went to {his} {grownup}. "I can not sleep," {he} said.

- "Close your eyes," said {his} {grownup}. "Think of a place that you love."
| "I know what helps," said {his} {grownup}. "Think of a good place."
- "I will think of {place}," said {hero}. | "{Place}!" said {hero}. "I want to go to {place}."
- "Good. What is there {place.spot}?" asked {his} {grownup}.
| "And what can you find {place.spot}?" asked {his} {grownup}.
- "I see {number} {sights2}," said {hero}. Then {his} eyes closed.
| "Maybe I will find {a treasure} there," said {hero} in a sleepy voice. And then {he} slept.
- In {his} dream, {he} {moved} to {place} with the {color} {toy}.
| {He} dreamed that {he} went to {place} and that the {toy} could talk.

- In the morning, {hero} told {his} {grownup} about the dream.
| When the sun came up, {hero} ran to {his} {grownup}. "I was {place.at}!" {he} said.
- "Then let us go to {place} today," said {his} {grownup}. And they did.
| So that day they really went to {place}, and the {toy} came along.
- And at bedtime, {hero} thought of {place} and fell asleep.
| And that night, {hero} fell asleep at once, with the {color} {toy} in {his} arms.
""",
)

PLOTS = (
    _LOST, _BRAVE, _SKILL, _QUARREL, _STRANGER, _TINY, _COOK, _BUILD,
    _GARDEN, _SURPRISE, _RULE, _JOURNEY, _COINS, _BABY, _NEW, _SLEEP,
)  # fmt: skip
